// Every word of the loop in a sentence, for who sees one for the first time. The words are those of the code.

/** Who owns a socket. */
export const OWNERS = {
  listener: { letter: "ls", short: "new clients knock here", long: "New clients knock here; it is ready when one waits to be let in." },
  client: { letter: "", short: "somebody who asks", long: "A client's connection: it brings requests and takes answers." },
  upstream: { letter: "", short: "a backend at work for a client", long: "A connection to a backend that works for one client at this moment." },
  pooled: { letter: "po", short: "a backend's connection, kept for the next request", long: "A connection to a backend without work, kept open so that the next request needs none of its own." },
  probe: { letter: "pr", short: "asks a backend whether it is well", long: "A probe: it asks a backend whether it is well, by the same loop and the same timers." },
};

/** What a session waits for. */
export const PHASES = {
  preface: { letter: "P", words: "It waits for what stands before the traffic: a PROXY header, a ClientHello." },
  head: { letter: "H", words: "It waits for the rest of a request's head: its first line and its fields." },
  idle: { letter: "I", words: "It was answered and is kept open, in case it asks again. It holds no buffer." },
  queued: { letter: "Q", words: "Every backend is full, and it waits for one that is not." },
  gathering: { letter: "G", words: "It waits for the rest of a request to the balancer itself, such as an order from the dashboard." },
  asking: { letter: "K", words: "It waits for the house to do what it asked for, such as a reload." },
  connecting: { letter: "C", words: "It waits for a connection to a backend to stand." },
  sending: { letter: "S", words: "It waits for the rest of the request to pass to the backend." },
  awaiting: { letter: "A", words: "The backend has the request; it waits for the first byte of the answer." },
  receiving: { letter: "R", words: "It waits for the rest of the answer to come from the backend." },
  delivering: { letter: "D", words: "All of the answer is here; it waits for the client to take it." },
  tunnel: { letter: "T", words: "Bytes pass either way and mean nothing to us, as with a WebSocket." },
  answering: { letter: "W", words: "It waits for the client to take an answer of the balancer's own, such as this page." },
  lingering: { letter: "L", words: "It was answered and is to close; it is heard out first, so that a reset does not destroy the answer." },
  watching: { letter: "V", words: "Somebody is shown live updates, as you are now; it waits for the next one to be due." },
};

/** What is asked of the operating system; `always` is told of even when there was none. */
export const CALLS = {
  wait: { always: true, words: "asks what is ready and sleeps until something is (epoll_wait)" },
  accept: { words: "lets a client in" },
  connect: { words: "begins a connection to a backend" },
  outcome: { words: "asks whether that connection came to stand" },
  watch: { words: "has the kernel report a socket, once for its whole life (epoll_ctl)" },
  read: { always: true, words: "takes bytes from a socket into a lent buffer" },
  read_nothing: { words: "of those: nothing was there, a call for nothing" },
  write: { always: true, words: "gives bytes to a socket" },
  write_blocked: { words: "of those: none was taken, the other side is slow" },
  pull: { words: "moves bytes from a socket into a pipe, uncopied (splice)" },
  low_water: { words: "has the kernel report a socket only once so many bytes are there (SO_RCVLOWAT)" },
  mute: { words: "has the kernel report no bytes of a socket while nobody can take them, or report them again (epoll_ctl)" },
  push: { words: "moves them out of the pipe into another socket (splice)" },
  finish: { words: "says that our side has said everything (shutdown)" },
  reset: { words: "closes so that it cannot be taken for a clean end" },
  close: { words: "gives a socket back" },
  total: { always: true, words: "all of them but waiting, which is everybody's" },
};

/** In an order to be read in. */
export const GLOSSARY = [
  ["loop", "The program's whole life: wait until sockets are ready, serve them, see to what is due, and again. There is one, in one thread, and it never waits for anybody in particular."],
  ["turn", "Once around the loop: wait, admit, drive, expire, sweep. Everything that happens, happens in some turn."],
  ["socket", "One end of a connection, as the kernel hands it to a program. Reading one that has nothing would put the thread to sleep; so here it never would: it says would-block instead."],
  ["slot", "A place in the table of sockets, the slab. Its number names the socket all over the program and is used again when the socket is closed, not before the next turn, so that no event reaches a stranger."],
  ["owner", "Who a socket belongs to: a listener, a client, an upstream, the pool of kept connections, or a probe. Every open socket has exactly one."],
  ["event", "The kernel's word that a socket may be read or written now. One call of wait brings all there are."],
  ["edge-triggered readiness", "The kernel reports a change once and does not repeat it. So whoever is told must go on until there is nothing left, or remember that there is; forget it, and the connection hangs."],
  ["wait", "The only call in which the loop sleeps. It ends with an event, or when the next deadline is there."],
  ["drive", "To let one connection do all it can without waiting: read, decide, write, until the kernel says would-block."],
  ["phase", "What a connection waits for at this moment. It moves from phase to phase through one door in the code, which sets the deadline and writes it down."],
  ["deadline", "How long a phase may last. Every waiting has one, so nothing is forgotten, and whoever is silent too long is ended by name."],
  ["timer", "A deadline in the table of deadlines. The first of them says how long the loop may sleep."],
  ["hungry list", "Who could go on but has used up what one turn gives to one connection, so that others get their share. While somebody is on it, the loop does not sleep."],
  ["turn in vain", "A turn in which nothing had happened and nothing was due. A few are the kernel's; many would be a bug that burns a processor."],
  ["buffer", "Memory that a connection is lent while bytes are on their way, and gives back at once. An idle connection holds none: that is why ten thousand of them cost little."],
  ["back-pressure", "No side is read while the other still owes the bytes read before. So a slow client slows its backend down, instead of filling our memory."],
  ["splice", "Bytes of a long body go from socket to socket through a pipe inside the kernel and are never copied to the program and back."],
  ["session", "One client's connection, from accept to close, and what it is doing."],
  ["exchange", "One request and its answer. A session may have many, one after the other."],
  ["upstream", "A connection to a backend. After an answer it goes to the pool, and the next request finds it there: that saves a connect."],
  ["probe", "A connection of the balancer's own that asks a backend whether it is well. It is driven by this loop, as everything is."],
];
