"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  // ---- Pictures: one state, drawn whenever it changes --------------------------------------------------------
  const view = {photo: 0, step: null, left: null, right: null, split: 50, zoom: 1, x: 0, y: 0};

  const stepsOf = (photo) =>
    [...new Set(photo.series.flatMap((series) => series.steps))].sort((a, b) => a - b);

  // The newest picture of a series up to an iteration, or its first.
  const indexAt = (series, step) => Math.max(0, series.steps.filter((each) => each <= step).length - 1);

  function picturesAt(photo, step) {
    const found = new Map();
    const still = (label, text) => {
      if (photo.still[label]) found.set(label, {url: photo.still[label], text});
    };
    still("LR", "LR, the input");
    still("bicubic", "bicubic enlargement");
    for (const series of photo.series) {
      const at = indexAt(series, step);
      found.set(series.label, {url: series.pictures[at], text: `${series.label}, ${series.texts[at]}`});
    }
    still("HR", "HR, the original");
    return found;
  }

  function iterationText(photo, step) {
    if (photo.series.length === 1) return photo.series[0].texts[indexAt(photo.series[0], step)];
    return step ? `iteration ${step.toLocaleString("en")}` : "before training";
  }

  function fill(select, labels, chosen) {
    select.replaceChildren(...labels.map((label) => new Option(label, label, false, label === chosen)));
  }

  function show(image, picture, name) {
    if (image.getAttribute("src") !== picture.url) image.src = picture.url;
    image.alt = `${name}: ${picture.text}`;
  }

  function pane() {
    const figure = document.createElement("figure");
    const frame = document.createElement("div");
    const image = document.createElement("img");
    frame.className = "frame";
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-describedby", "keys");
    image.draggable = false;
    frame.append(image);
    figure.append(frame, document.createElement("figcaption"));
    moves(frame, (event, last) => {
      const {width, height} = frame.getBoundingClientRect();
      look(view.x - (event.clientX - last.x) / width / view.zoom, view.y - (event.clientY - last.y) / height / view.zoom);
    });
    return figure;
  }

  function look(x, y, zoom = view.zoom) {
    view.zoom = clamp(zoom, 1, 12);
    view.x = clamp(x, 0, 1 - 1 / view.zoom);
    view.y = clamp(y, 0, 1 - 1 / view.zoom);
    draw();
  }

  // Keeps what lies at a place of the frame, given in its widths and heights, where it is.
  function zoomTo(zoom, atX = 0.5, atY = 0.5) {
    zoom = clamp(zoom, 1, 12);
    look(view.x + atX / view.zoom - atX / zoom, view.y + atY / view.zoom - atY / zoom, zoom);
  }

  function moves(frame, moved) {
    let last = null;
    frame.addEventListener("pointerdown", (event) => {
      last = {x: event.clientX, y: event.clientY};
      frame.setPointerCapture(event.pointerId);
      moved(event, last);
    });
    frame.addEventListener("pointermove", (event) => {
      if (!last) return;
      moved(event, last);
      last = {x: event.clientX, y: event.clientY};
    });
    for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { last = null; });
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const {left, top, width, height} = frame.getBoundingClientRect();
      zoomTo(view.zoom * Math.exp(-event.deltaY / 300), (event.clientX - left) / width, (event.clientY - top) / height);
    }, {passive: false});
    frame.addEventListener("keydown", (event) => {
      const far = 0.1 / view.zoom;
      const keys = {
        "ArrowLeft": () => look(view.x - far, view.y), "ArrowRight": () => look(view.x + far, view.y),
        "ArrowUp": () => look(view.x, view.y - far), "ArrowDown": () => look(view.x, view.y + far),
        "+": () => zoomTo(view.zoom + 1), "=": () => zoomTo(view.zoom + 1), "-": () => zoomTo(view.zoom - 1),
        "0": () => look(0, 0, 1),
      };
      if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key.startsWith("Arrow") && view.zoom === 1) return; // nothing to move: the page scrolls
      event.preventDefault();
      keys[event.key]();
    });
  }

  function drawPanes(pictures, name) {
    const panes = byId("panes");
    while (panes.children.length > pictures.size) panes.lastChild.remove();
    while (panes.children.length < pictures.size) panes.append(pane());
    [...pictures].forEach(([label, picture], number) => {
      const figure = panes.children[number];
      show(figure.querySelector("img"), picture, name);
      figure.querySelector("figcaption").textContent = label;
      figure.querySelector(".frame").setAttribute("aria-label", label);
    });
  }

  function draw() {
    const photo = data.photos[view.photo];
    const steps = stepsOf(photo);
    if (!steps.includes(view.step)) view.step = steps.filter((step) => step <= (view.step ?? Infinity)).pop() ?? steps[0];
    const pictures = picturesAt(photo, view.step);
    const labels = [...pictures.keys()];
    const [first, second] = photo.series.map((series) => series.label);
    if (!labels.includes(view.left)) view.left = second ? first : "bicubic";
    if (!labels.includes(view.right)) view.right = second ?? first;
    const style = byId("pictures").style;
    style.setProperty("--ratio", photo.width / photo.height);
    style.setProperty("--split", `${view.split}%`);
    for (const name of ["zoom", "x", "y"]) style.setProperty(`--${name}`, view[name]);
    fill(byId("left"), labels, view.left);
    fill(byId("right"), labels, view.right);
    const range = byId("iteration");
    range.max = steps.length - 1;
    range.value = steps.indexOf(view.step);
    byId("iteration-text").value = iterationText(photo, view.step);
    range.setAttribute("aria-valuetext", iterationText(photo, view.step));
    byId("zoom").value = view.zoom;
    byId("zoom-text").value = `×${Number(view.zoom.toFixed(1))}`;
    byId("split").value = view.split;
    byId("split").setAttribute("aria-valuetext", `${Math.round(view.split)} percent ${view.left}, the rest ${view.right}`);
    byId("note").textContent = photo.otherLr.length
      ? `${photo.otherLr.join(", ")}: validated with another LR of this photo.` : "";
    const frame = byId("compare");
    frame.setAttribute("aria-label", `${view.left} beside ${view.right}`);
    show(frame.querySelector(".above img"), pictures.get(view.left), photo.name);
    show(frame.querySelector(".below img"), pictures.get(view.right), photo.name);
    frame.querySelector(".tag.left").textContent = view.left;
    frame.querySelector(".tag.right").textContent = view.right;
    drawPanes(pictures, photo.name);
    remember();
  }

  function startPictures() {
    byId("photo").replaceChildren(...data.photos.map((photo, number) => new Option(photo.name, number)));
    byId("photo").value = view.photo;
    const on = (id, change) => byId(id).addEventListener("input", (event) => { change(event.target.value); draw(); });
    on("photo", (value) => { view.photo = Number(value); });
    on("iteration", (value) => { view.step = stepsOf(data.photos[view.photo])[Number(value)]; });
    on("left", (value) => { view.left = value; });
    on("right", (value) => { view.right = value; });
    on("split", (value) => { view.split = Number(value); });
    byId("zoom").addEventListener("input", (event) => zoomTo(Number(event.target.value)));
    moves(byId("compare"), (event) => {
      const {left, width} = byId("compare").getBoundingClientRect();
      view.split = clamp(100 * (event.clientX - left) / width, 0, 100);
      draw();
    });
    draw();
  }

  // ---- Curves ------------------------------------------------------------------------------------------------
  async function plotly() {
    const packed = Uint8Array.from(atob(byId("plotly").textContent), (letter) => letter.charCodeAt(0));
    const text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
    return window.Plotly;
  }

  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"); // Plotly reads some HTML

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  function layoutOf(chart) {
    const axis = {gridcolor: colour("grid"), zerolinecolor: colour("grid"), linecolor: colour("line"), automargin: true};
    const line = (x) => ({type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: {color: colour("faint"), dash: "dot"}});
    const band = (each) => ({type: "rect", x0: each.from, x1: each.to, yref: "paper", y0: 0, y1: 1, line: {width: 0},
      fillcolor: colour("warn"), opacity: 0.18});
    return {
      margin: {l: 48, r: 12, t: 22, b: 40}, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      font: {color: colour("ink"), family: "system-ui, sans-serif", size: 12}, hovermode: "x unified",
      hoverlabel: {bgcolor: colour("raised"), font: {color: colour("ink")}},
      legend: {orientation: "h", y: -0.22, yanchor: "top"}, showlegend: true,
      xaxis: {...axis, title: {text: "iteration", standoff: 4}, rangemode: "tozero"},
      yaxis: {...axis, type: chart.log ? "log" : "linear", minorloglabels: "complete"},
      shapes: [...chart.switches.map(({x}) => line(x)), ...chart.bands.map(band)],
      annotations: chart.switches.map(({x, text}) => ({x, text: plain(text), yref: "paper", y: 1, yanchor: "bottom", showarrow: false,
        font: {size: 11, color: colour("faint")}})),
    };
  }

  // Of one run the values differ in colour; of several the runs do, and values in how their lines are broken.
  const HUES = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];

  const tracesOf = (chart) => chart.curves.map((curve) => ({
    x: curve.x, y: curve.y, name: plain(curve.label), type: "scatter", mode: curve.x.length < 30 ? "lines+markers" : "lines",
    line: {width: 1.8, color: HUES[curve.hue % HUES.length], dash: DASHES[curve.dash % DASHES.length]},
    hovertemplate: "%{y:.5g}",
  }));

  async function startCurves() {
    const holders = [...document.querySelectorAll(".chart")];
    if (typeof DecompressionStream === "undefined") return; // the text on the page says what is needed
    const library = await plotly();
    const options = {responsive: true, displaylogo: false, displayModeBar: "hover"};
    const drawAll = () => Promise.all(holders.map((holder, n) =>
      library.react(holder, tracesOf(data.charts[n]), layoutOf(data.charts[n]), options)));
    await drawAll();
    const thinned = data.charts.flatMap((chart) => chart.curves).find((curve) => curve.means);
    byId("curves-state").textContent = "Drag to zoom into a curve, double-click to see all of it; a click on a name hides "
      + `its curve. Dotted: where the GAN stage starts. Shaded: a warning lasted.${thinned ? ` Long curves: ${thinned.means}.` : ""}`;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    document.body.dataset.curves = "drawn";
  }

  // ---- A live page asks its server whether the runs have written anything new --------------------------------
  function remember() {
    if (data.live) sessionStorage.setItem("view", JSON.stringify({...view, atEnd: isNewest()}));
  }

  function isNewest() {
    return view.step === stepsOf(data.photos[view.photo]).pop();
  }

  function recall() {
    const kept = data.live ? JSON.parse(sessionStorage.getItem("view") ?? "null") : null;
    if (kept === null) return;
    Object.assign(view, kept, {photo: Math.min(kept.photo, Math.max(0, data.photos.length - 1))});
    if (kept.atEnd) view.step = null; // whoever looks at the newest wants to see the newest
  }

  async function follow() {
    let pressed = false;
    addEventListener("pointerdown", () => { pressed = true; });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { pressed = false; });
    for (;;) {
      await new Promise((done) => setTimeout(done, 2000));
      let state = null;
      try {
        state = await (await fetch("state", {cache: "no-store"})).text();
        byId("live").textContent = "Live: follows the run.";
      } catch {
        byId("live").textContent = "The server has ended; this is what it showed last.";
      }
      if (state !== null && state !== data.live && !pressed) {
        sessionStorage.setItem("focus", document.activeElement?.id ?? "");
        location.reload();
        return;
      }
    }
  }

  recall();
  if (data.photos.length) startPictures();
  if (data.charts.length) startCurves();
  if (data.live) {
    byId(sessionStorage.getItem("focus") || "main")?.focus({preventScroll: true});
    follow();
  }
})();
