// Before anything is drawn: the theme that was chosen here, if one was. Otherwise the system's is taken, by style.css.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* storage is off: the system's */ }
