// Draws every figure of the page, in the colours of the reader's theme and for the
// width of the screen. Figures come in light colours; `twins` maps each to its dark one.
"use strict";
const { figures, twins } = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 36rem)");
const config = {
  displaylogo: false, responsive: true, typesetMath: false, plotlyServerURL: "",
  displayModeBar: "hover", modeBarButtons: [["toImage"]], doubleClick: false,
};

const recolour = (value) => {
  if (typeof value === "string") return Object.hasOwn(twins, value) ? twins[value] : value;
  if (Array.isArray(value)) return value.map(recolour);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recolour(v)]));
};

const fitted = (layout) => {
  if (!narrow.matches) return layout;
  return {
    ...layout,
    height: Math.min(layout.height, layout.meta?.rows ? layout.height : 380),
    font: { ...layout.font, size: 11 },
    margin: { ...layout.margin, l: 4, r: 8 },
  };
};

// Draws the figures inside `part`. What is folded away has no width yet: it is drawn
// when it opens.
const draw = (part, light) => {
  for (const place of part.querySelectorAll(".plot")) {
    if (place.closest("details:not([open])")) continue;
    const figure = figures[place.id];
    const { data, layout } = light ? structuredClone(figure) : recolour(figure);
    Plotly.react(place, data, fitted(layout), config);
  }
};

const drawAll = () => draw(document, !dark.matches);
drawAll();
document.addEventListener("toggle", ({ target }) => draw(target, !dark.matches), true);
dark.addEventListener("change", drawAll);
narrow.addEventListener("change", drawAll);
addEventListener("beforeprint", () => draw(document, true));
addEventListener("afterprint", drawAll);
