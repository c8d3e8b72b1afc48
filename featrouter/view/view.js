"use strict";
const known = JSON.parse(document.getElementById("numbers").textContent);
const $ = (id) => document.getElementById(id);
const steps = [...document.querySelectorAll(".turn")];
let value = known.value;

// What Session and `choose` do, for another value of a solved task; a test holds the two together.
function decided([r1, r2, c1, c2, limit, ended, doubt], worth) {
  const y1 = r1 === null ? NaN : r1 - (c1 ?? 0) / worth;
  const y2 = r2 === null ? NaN : r2 - (c2 ?? 0) / worth;
  if (doubt) return [y1, y2, doubt];
  const onward = ended ? "accept" : "continue";
  if (limit === null) return [y1, y2, onward];
  if (known.stops && y1 < 0 && y2 < 0) return [y1, y2, ended ? "accept" : "stop"];
  return [y1, y2, y2 - y1 > limit ? "escalate" : onward];
}

function shown(number) { return Number.isFinite(number) ? number.toFixed(2) : "–"; }
function across(at) { return known.wide * at / Math.max(1, steps.length - 1); }
function up(y) { return known.high * (1 - (Math.min(Math.max(y, known.low), 1) - known.low) / (1 - known.low)); }

function draw() {
  const answers = known.steps.map((step) => decided(step, value));
  for (const [arm, line] of [[0, $("y1")], [1, $("y2")]]) {
    line.setAttribute("points", answers.map((one, at) => [across(at), one[arm]])
      .filter(([, y]) => Number.isFinite(y)).map(([x, y]) => `${x.toFixed(1)},${up(y).toFixed(1)}`).join(" "));
  }
  const first = answers.findIndex((one) => one[2] === "escalate");
  $("decided").setAttribute("d", first < 0 ? "" : `M${across(first)},0V${known.high}`);
  $("zero").setAttribute("d", known.low < 0 ? `M0,${up(0)}H${known.wide}` : "");
  const where = first < 0 ? "" : known.steps[first][5] ? "once the answer is in" : `at turn ${first}`;
  $("decision").textContent = first < 0 ? "It never escalates." :
    `It escalates ${where}: y1 ${shown(answers[first][0])}, y2 ${shown(answers[first][1])}.`;
  $("decision").classList.toggle("route", first < 0);
  $("decision").dataset.at = first;
  steps.forEach((step, at) => {
    const badge = step.querySelector(".choice");
    if (badge.dataset.choice !== answers[at][2]) badge.textContent = badge.dataset.choice = answers[at][2];
    step.querySelector(".y1").textContent = shown(answers[at][0]);
    step.querySelector(".y2").textContent = shown(answers[at][1]);
  });
}

function turned() {
  value = known.value * 10 ** ((Number($("value").value) - 40) / 20);
  const told = `${Number(value.toPrecision(3)).toLocaleString("en")} USD`;
  $("worth").textContent = told;
  $("value").setAttribute("aria-valuetext", `${told} a solved task`);
  requestAnimationFrame(draw);
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const AT_ONCE = 100000;
function written(title, text, open) {
  const fold = element("details");
  fold.open = open;
  const lines = text.split("\n", 2);
  fold.append(element("summary", `${title}: ${text.length.toLocaleString("en")} characters${open ? "" : ` · ${lines[0].slice(0, 90)}`}`));
  const body = element("pre", text.slice(0, AT_ONCE));
  fold.append(body);
  if (text.length > AT_ONCE) {
    const more = element("button", "show all of it");
    more.type = "button";
    more.onclick = () => { body.textContent = text; more.remove(); };
    fold.append(more);
  }
  return fold;
}

function waterfall(told) {
  const rows = [["expected of any run", "", told.expected ?? 0, "sum"], ...told.reasons.map(([words, name, effect]) => [words, name, effect, ""])];
  if (told.rest[0]) rows.push([`${told.rest[0]} more features`, "", told.rest[1], ""]);
  let sum = 0;
  const ends = rows.map(([, , effect]) => [sum, sum += effect]);
  ends.push([0, sum]);
  rows.push(["r2 - r1, before calibration", "", sum, "sum"]);
  const all = ends.flat(), low = Math.min(0, ...all), span = Math.max(0, ...all) - low || 1;
  const table = element("table", undefined, "fall");
  table.append(element("caption", "Why: log-odds of r2 - r1; right speaks for escalating"));
  rows.forEach(([words, name, effect, kind], at) => {
    const row = table.insertRow(), head = element("th", words);
    head.scope = "row";
    if (name) head.title = name;
    row.append(head);
    const track = element("div", undefined, "track"), bar = element("i", undefined, kind || (effect > 0 ? "up" : "down"));
    const [from, to] = ends[at];
    bar.style.left = `${100 * (Math.min(from, to) - low) / span}%`;
    bar.style.width = `${100 * Math.abs(to - from) / span}%`;
    track.style.setProperty("--zero", `${100 * -low / span}%`);
    track.append(bar);
    row.insertCell().append(track);
    row.append(element("td", (effect > 0 ? "+" : "") + effect.toFixed(2), "number"));
  });
  return table;
}

function changed(told) {
  const fold = element("details"), table = element("table", undefined, "changes");
  fold.open = told.changes.length < 9;
  fold.append(element("summary", `${told.changes.length} features changed at this turn`), table);
  for (const [name, , words, meaning] of told.changes) {
    const row = table.insertRow(), head = element("th");
    head.scope = "row";
    head.append(element("code", name));
    head.title = meaning;
    row.append(head, element("td", words, "number"), element("td", meaning, "faint"));
  }
  return fold;
}

async function fetched(at) {
  const held = $(`turn-${at}`);
  if (held) return JSON.parse(held.textContent);
  const answer = await fetch(`turn/${at}`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

async function fill(step) {
  if (step.dataset.filled) return;
  step.dataset.filled = "yes";
  const at = steps.indexOf(step), body = element("div", undefined, "body");
  step.append(body);
  let told;
  try {
    told = await fetched(at);
  } catch (error) {
    body.append(element("p", `This turn could not be read: ${error.message}`));
    delete step.dataset.filled;
    return;
  }
  const said = element("div"), why = element("div");
  if (told.thought) said.append(written("thought", told.thought, told.thought.length < 2000));
  for (const call of told.calls) {
    said.append(written(call.tool ? `action (${call.tool})` : "action", call.action, call.action.length < 4000));
    const exit = call.exit === null ? "" : `, exit code ${call.exit}`;
    said.append(written(`observation${exit}`, call.observation, false));
  }
  if (told.fallback) why.append(element("p", `Not trusted: ${told.fallback}`));
  if (told.reasons.length) why.append(waterfall(told));
  if (told.changes.length) why.append(changed(told));
  else why.append(element("p", "No feature changed here.", "faint"));
  body.append(said, why);
}

function go(at, open = true) {
  const step = steps[Math.min(Math.max(at, 0), steps.length - 1)];
  if (!step) return;
  if (open) step.open = true;
  step.querySelector("summary").focus({ preventScroll: true });
  step.scrollIntoView({ block: "nearest" });
  $("here").setAttribute("d", `M${across(steps.indexOf(step))},0V${known.high}`);
}

document.addEventListener("toggle", (event) => {
  if (event.target.classList?.contains("turn") && event.target.open) fill(event.target);
}, true);
$("turns").addEventListener("focusin", (event) => {
  const step = event.target.closest(".turn");
  if (step) $("here").setAttribute("d", `M${across(steps.indexOf(step))},0V${known.high}`);
});
$("value").addEventListener("input", turned);
$("reset").addEventListener("click", () => { $("value").value = 40; turned(); });
document.querySelector("form.knob").addEventListener("submit", (event) => event.preventDefault());
$("jump").addEventListener("change", (event) => go(Number(event.target.value)));
$("chart").addEventListener("click", (event) => {
  const box = $("chart").getBoundingClientRect();
  go(Math.round((event.clientX - box.left) / box.width * (steps.length - 1)));
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  const here = steps.indexOf(document.activeElement?.closest(".turn"));
  if (event.key === "j") go(here + 1, false);
  else if (event.key === "k") go(here < 0 ? 0 : here - 1, false);
  else if (event.key === "e" && Number($("decision").dataset.at) >= 0) go(Number($("decision").dataset.at));
});
draw();
