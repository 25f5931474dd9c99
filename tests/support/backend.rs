//! A backend that does what a test tells it: one thread per connection, one closure per request.
//!
//! It counts and keeps everything it receives, can be killed as a process is (every connection closed, the port refusing)
//! and come back on the same port. It knows nothing of the balancer.

use super::wire::{Fields, Framing, Head, Wire};
use super::{Gate, any_port, bound, until};
use socket2::{SockRef, Socket};
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Number of the connection it came on: the first one accepted is 0.
    pub connection: usize,
    /// From the request line.
    pub method: String,
    /// From the request line.
    pub target: String,
    /// Request line and fields.
    pub head: Head,
    /// How its body ends.
    pub framing: Framing,
    /// The body, once the closure has asked for it with [`Exchange::body`].
    pub body: Vec<u8>,
    /// The fields after a chunked body.
    pub trailers: Fields,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Wait for the next request.
    Keep,
    /// Close: a FIN.
    Close,
    /// Close with a RST.
    Reset,
}

/// A request being answered: what a closure has in its hands.
pub struct Exchange<'a> {
    /// The backend's name.
    pub name: &'a str,
    /// The request; its body is read on demand.
    pub request: Request,
    /// The connection.
    pub wire: &'a mut Wire,
    index: usize,
    house: &'a House,
}

impl Exchange<'_> {
    /// Reads the body, keeps it with the record, and returns it.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        let (body, trailers) = self.wire.body(self.request.framing)?;
        self.request.framing = Framing::Nothing;
        let mut records = self.house.lock();
        let record = &mut records.requests[self.index];
        (record.body, record.trailers) = (body.clone(), trailers);
        Ok(body)
    }

    /// Sends an answer with a body by length, and keeps the connection.
    pub fn answer(&mut self, status: &str, fields: &str, body: &[u8]) -> io::Result<Then> {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
        self.wire.send([head.as_bytes(), body].concat())?;
        Ok(Then::Keep)
    }

    /// Reads the request to its end and answers with the backend's name.
    pub fn name_it(&mut self) -> io::Result<Then> {
        self.body()?;
        self.answer("200 OK", "", self.name.as_bytes())
    }
}

type OnConnection = dyn Fn(&House, usize, TcpStream) -> io::Result<Then> + Send + Sync;

/// What the threads of one backend share.
pub struct House {
    name: String,
    dead: AtomicBool,
    records: Mutex<Records>,
    on_connection: Box<OnConnection>,
}

/// What a backend has seen.
#[derive(Default)]
struct Records {
    requests: Vec<Request>,
    accepted: usize,
    open: HashMap<usize, TcpStream>,
}

impl House {
    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A backend on a port of its own.
pub struct Backend {
    /// Where it listens, or would.
    pub address: SocketAddr,
    house: Arc<House>,
    acceptor: Option<JoinHandle<()>>,
    port: Option<Socket>, // bound while nobody listens, so that no other socket takes the port
}

impl Backend {
    /// Speaks HTTP: `on_request` is called with each request as soon as its head is there.
    pub fn http<F>(name: &str, on_request: F) -> Backend
    where
        F: Fn(&mut Exchange) -> io::Result<Then> + Send + Sync + 'static,
    {
        Backend::raw(name, move |house, number, stream| serve(house, number, stream, &on_request))
    }

    /// Answers with its name, `one`; `/slow` only once the gate is open.
    pub fn gated() -> (Backend, Gate) {
        let gate = Gate::default();
        let held = gate.clone();
        let backend = Backend::http("one", move |exchange| {
            if exchange.request.target == "/slow" {
                held.pass();
            }
            exchange.name_it()
        });
        (backend, gate)
    }

    /// Speaks HTTP and answers every request with its name.
    pub fn named(name: &str) -> Backend {
        Backend::http(name, |exchange| exchange.name_it())
    }

    /// Speaks whatever `on_stream` speaks.
    pub fn tcp<F>(name: &str, on_stream: F) -> Backend
    where
        F: Fn(TcpStream) -> io::Result<Then> + Send + Sync + 'static,
    {
        Backend::raw(name, move |_, _, stream| on_stream(stream))
    }

    fn raw<F>(name: &str, on_connection: F) -> Backend
    where
        F: Fn(&House, usize, TcpStream) -> io::Result<Then> + Send + Sync + 'static,
    {
        let port = bound(any_port()).expect("a free port");
        let address = port.local_addr().unwrap().as_socket().unwrap();
        let house = House {
            name: name.to_string(),
            dead: AtomicBool::new(true),
            records: Mutex::default(),
            on_connection: Box::new(on_connection),
        };
        let mut backend = Backend { address, house: Arc::new(house), acceptor: None, port: Some(port) };
        backend.restart();
        backend
    }

    /// Ends it as a killed process ends: the port refuses, every connection is closed. Returns when that is so.
    pub fn kill(&mut self) {
        let Some(acceptor) = self.acceptor.take() else {
            return;
        };
        self.house.dead.store(true, Ordering::SeqCst);
        while !acceptor.is_finished() {
            let _ = TcpStream::connect_timeout(&self.address, Duration::from_millis(100)); // wakes the acceptor
        }
        let _ = acceptor.join();
        self.hang_up();
        let mut port = None;
        until("the port of a killed backend", || {
            port = bound(self.address).ok();
            port.is_some()
        });
        self.port = port;
    }

    /// Comes back on the same port.
    pub fn restart(&mut self) {
        let Some(port) = self.port.take() else { return };
        port.listen(4096).expect("listening again");
        self.house.dead.store(false, Ordering::SeqCst);
        let house = Arc::clone(&self.house);
        self.acceptor = Some(thread(move || accept(&house, port.into())));
    }

    /// Closes every open connection and goes on listening.
    pub fn hang_up(&self) {
        for stream in self.house.lock().open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Every request whose head was complete, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.house.lock().requests.clone()
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.house.lock().accepted
    }

    /// The targets it was asked for, in order.
    pub fn targets(&self) -> Vec<String> {
        self.house.lock().requests.iter().map(|r| r.target.clone()).collect()
    }

    /// The newest request.
    #[track_caller]
    pub fn last(&self) -> Request {
        self.house.lock().requests.last().expect("a request").clone()
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.house.lock().open.len()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            self.house.dead.store(true, Ordering::SeqCst);
            let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
            drop(acceptor); // not joined: a test that fails must not hang here
        }
        self.hang_up();
    }
}

fn accept(house: &Arc<House>, listener: TcpListener) {
    for stream in listener.incoming() {
        if house.dead.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = register(house, &stream);
        let house = Arc::clone(house);
        thread(move || live(&house, number, stream));
    }
}

fn register(house: &House, stream: &TcpStream) -> usize {
    let mut records = house.lock();
    let number = records.accepted;
    records.accepted += 1;
    if let Ok(same) = stream.try_clone() {
        records.open.insert(number, same);
    }
    number
}

/// One connection from its beginning to its end.
fn live(house: &House, number: usize, stream: TcpStream) {
    let Ok(held) = stream.try_clone() else { return };
    let ended = (house.on_connection)(house, number, stream);
    house.lock().open.remove(&number);
    if matches!(ended, Ok(Then::Reset)) {
        let _ = SockRef::from(&held).set_linger(Some(Duration::ZERO)); // the close below becomes a RST
    }
}

fn serve<F>(house: &House, number: usize, stream: TcpStream, on_request: &F) -> io::Result<Then>
where
    F: Fn(&mut Exchange) -> io::Result<Then>,
{
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head()? {
        let request = request(number, head)?;
        let index = record(house, &request);
        let mut exchange = Exchange { name: &house.name, request, wire: &mut wire, index, house };
        match on_request(&mut exchange)? {
            Then::Keep => {}
            end => return Ok(end),
        }
    }
    Ok(Then::Close)
}

fn record(house: &House, request: &Request) -> usize {
    let mut records = house.lock();
    records.requests.push(request.clone());
    records.requests.len() - 1
}

/// A request line must be exactly three words (RFC 9112 3), a request without framing has no body (6.3).
fn request(connection: usize, head: Head) -> io::Result<Request> {
    let words: Vec<&str> = head.line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else {
        return Err(super::wire::wrong(format!("request line {:?}", head.line)));
    };
    let (method, target) = (method.to_string(), target.to_string());
    let framing = head.framing()?.unwrap_or(Framing::Nothing);
    Ok(Request { connection, method, target, head, framing, body: Vec::new(), trailers: Fields::new() })
}

/// A thread small enough to have thousands of.
fn thread(run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    Builder::new().stack_size(256 * 1024).spawn(run).expect("a thread")
}

/// Sends everything back, and the end too.
pub fn echo(mut stream: TcpStream) -> io::Result<Then> {
    io::copy(&mut stream.try_clone()?, &mut stream)?;
    stream.flush()?;
    stream.shutdown(Shutdown::Write)?;
    Ok(Then::Close)
}
