"use strict";
const known = JSON.parse(document.getElementById("numbers").textContent);
const worth = document.getElementById("worth");
const signs = { rule: "M-7,0H7M0,-7V7", end: "M-5,-5L5,5M5,-5L-5,5" };

function signed(number) { return number === 0 ? "0" : (number < 0 ? "-" : "+") + Math.abs(Number(number.toPrecision(3))).toLocaleString("en", { maximumSignificantDigits: 3 }); }

function turned() {
  const at = Number(worth.value), told = `${known.values[at].toLocaleString("en", { maximumSignificantDigits: 3 })} USD`;
  document.getElementById("worth-usd").textContent = told;
  document.querySelector("[data-worth]").textContent = told;
  document.getElementById("best").textContent = known.best[at];
  worth.setAttribute("aria-valuetext", `${told} a solved task`);
  for (const row of document.querySelectorAll("#policies tbody tr")) {
    const [resolved, escalated, cost, net, gain, low, high] = known.rows[row.dataset.policy][at];
    const cells = [
      Math.round(1000 * resolved).toLocaleString("en"), `${Math.round(100 * escalated)}%`, Math.round(1000 * cost).toLocaleString("en"),
      signed(net), `${signed(gain)} [${signed(low)}, ${signed(high)}]`,
    ];
    cells.forEach((cell, n) => { row.cells[n + 1].textContent = cell; });
  }
  for (const [id, policies] of Object.entries(known.points)) {
    const group = document.getElementById(id);
    group.replaceChildren(...Object.entries(policies).map(([name, points]) => {
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "path");
      mark.setAttribute("class", "operates");
      mark.setAttribute("d", signs[name]);
      mark.setAttribute("transform", `translate(${points[at].join(" ")})`);
      return mark;
    }));
  }
  const line = document.getElementById("worth-line");
  if (line) line.setAttribute("d", `M${known.line[at]},8V${known.floor}`);
}

if (worth) {
  const start = worth.defaultValue;
  worth.addEventListener("input", turned);
  document.getElementById("reset").addEventListener("click", () => { worth.value = start; turned(); });
  document.querySelector("form.knob").addEventListener("submit", (event) => event.preventDefault());
  turned();
}
