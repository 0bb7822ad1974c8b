// The theme that was chosen is there before anything is drawn; modules come too late for that.
try {
  const kept = localStorage.getItem("veredicto.theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // A browser that keeps nothing has the theme of the system.
}
