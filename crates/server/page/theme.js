// Sets the chosen theme before the first paint. A plain script, because modules run after it.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem('r2r-theme');
  } catch {
    // Storage can be forbidden; the system's theme then holds.
  }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
