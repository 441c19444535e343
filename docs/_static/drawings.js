// Draws the fences that hold Mermaid's language, in the colours of the page, and again when these change.
"use strict";

const drawings = Array.from(document.querySelectorAll("div.mermaid pre, pre.mermaid"), (pre) => {
  const block = pre.closest("div.mermaid") ?? pre;
  const figure = document.createElement("div");
  figure.className = "drawing";
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", "Drawing: " + (document.querySelector("h1")?.firstChild?.textContent ?? ""));
  figure.tabIndex = 0;
  const source = pre.textContent;
  block.replaceWith(figure);
  return { figure, source };
});

function isDark() {
  const theme = document.body.dataset.theme;
  if (theme === "dark" || theme === "light") return theme === "dark";
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

let drawn = 0; // Mermaid first removes what has the name of a new drawing

async function draw() {
  mermaid.initialize({ startOnLoad: false, theme: isDark() ? "dark" : "neutral", fontFamily: "sans-serif" });
  for (const { figure, source } of drawings) {
    const { svg } = await mermaid.render("drawing-" + drawn++, source);
    figure.innerHTML = svg;
  }
}

if (drawings.length > 0) {
  let queue = draw();
  const again = () => { queue = queue.then(draw); };
  new MutationObserver(again).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}
