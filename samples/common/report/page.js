// Puts the page together.

/** The theme: what the reader chose, else what the system says. Nothing is stored. */
function setUpTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = byId("theme");
  let chosen = null;
  const apply = () => {
    const dark = chosen ?? system.matches;
    document.documentElement.classList.toggle("dark", dark);
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", dark ? "Switch to light colours" : "Switch to dark colours");
  };
  button.addEventListener("click", () => {
    chosen = !document.documentElement.classList.contains("dark");
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

setUpTheme();
fillHeader();
setUpMap();
setUpTimeline();
fillPeak();
fillMeasured();
setUpCharts();
fillSchedule();
fillEnvironment();
