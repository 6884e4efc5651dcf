// "Turn it": ubiquitin, and what two attentions make of it. The numbers come from turn.onnx, see graphs.py.
import { bringToLife, calm, drawMap, frame, json, largestChange, openGraph, openScene, plain, showStage } from "./live.js";

const LARGEST = 0.045; // the weight at the bright end of the colours, as in lesson 00
const SIDE = [0.32, 0.52, -0.12, 0.78]; // from where the protein is seen at first
const FAR = 4; // ångström by which one residue is moved
const SPIN = { every: 60, for: 8000 }; // degrees in a second, milliseconds

const root = document.querySelector("#turn"), find = selector => root.querySelector(selector);
const state = { mirror: false, move: false, residue: 29, from: null, unit: 0.1, terms: [1, 1, 1], gamma: 1 };
let facts, L, attend, scene, own, reference, now, drawn = "", spinning = 0; // spinning: until when

// --- coordinates -----------------------------------------------------------------------------------------------------

// The reader's own changes: a mirror image, a residue somewhere else. N, CA, C, O of each residue, Å.
function changed({ mirror, move, residue }) {
  return facts.atoms.map((x, k) => {
    const here = move && Math.floor(k / 12) === residue;
    return (mirror && k % 3 === 0 ? -x : x) + (here && k % 3 === 1 ? FAR : 0);
  });
}

// Turned by the unit quaternion [x, y, z, w], and only N, CA and C: what the models are given.
function turned(atoms, [x, y, z, w]) {
  const R = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
  const out = new Float32Array(9 * L);
  for (let i = 0, k = 0; i < L; i++)
    for (let atom = 0; atom < 3; atom++)
      for (let row = 0; row < 3; row++, k++)
        for (let axis = 0; axis < 3; axis++) out[k] += R[row][axis] * atoms[12 * i + 3 * atom + axis];
  return out;
}

// --- attention -------------------------------------------------------------------------------------------------------

const look = (atoms, { unit, terms, gamma }) =>
  attend({
    atoms: ["float32", atoms, [L, 3, 3]],
    unit: ["float32", [unit], []],
    terms: ["float32", terms, [3]],
    gamma: ["float32", [gamma], []],
  });

const orientation = () => scene.getView().slice(4);

// Looks whenever something has changed, and never twice at once.
async function watch() {
  let shown = "", seen = "", turns = 0, since = performance.now(), last = since;
  for (;;) {
    const time = await frame();
    if (time < spinning) scene.rotate((SPIN.every * (time - last)) / 1000, { x: 0.36, y: 0.8, z: 0.48 });
    last = time;
    const settings = JSON.stringify([state.unit, state.terms, state.gamma]);
    const pose = JSON.stringify([orientation(), state.mirror, state.move, state.move && state.residue, settings]);
    if (pose !== seen) {
      if (settings !== shown) reference = await look(turned(facts.atoms, SIDE), state);
      now = await look(turned(own, orientation()), state);
      [shown, seen] = [settings, pose];
      turns++;
      show();
    }
    if (performance.now() - since > 1000) {
      if (turns > 5) find("[data-speed]").textContent = `Here: ${Math.round(turns)} attentions of each kind in the last second.`;
      [turns, since] = [0, performance.now()];
    }
    if (pose !== drawn) (drawn = pose), drawLinks();
  }
}

// --- pictures --------------------------------------------------------------------------------------------------------

function show() {
  const change = { ipa: largestChange(now.ipa, reference.ipa), naive: largestChange(now.naive, reference.naive) };
  for (const [name, values] of [["ipa", now.ipa_mean], ["naive", now.naive]]) {
    const panel = find(`[data-map=${name}]`);
    drawMap(panel.querySelector("canvas"), values, L, LARGEST, facts.cividis);
    panel.querySelector("output").textContent = plain(change[name]);
    panel.dataset.changed = change[name] > 1e-3 ? "much" : "";
  }
  const words = reading(change);
  if (find(".live-reading").textContent !== words) find(".live-reading").textContent = words;
}

// What is to be seen, in words.
function reading(change) {
  const sharpest = now.ipa.length && meanOfLargest(now.ipa);
  if (state.unit === 1)
    return `In ångström every distance is ten times as large, and its square a hundred times: the attention freezes. On average a residue gives ${Math.round(100 * sharpest)} % of a head's attention to a single other.`;
  if (state.mirror)
    return "A mirror image is another protein, and no turning brings it back. IPA notices: its map changes, too. But turn it, and that map stands still again.";
  if (state.move)
    return `Residue ${facts.numbers[state.residue]} alone has moved by ${FAR} Å. IPA notices: the row and the column of that residue change. It forgets only what moves all residues alike.`;
  if (!state.terms[2]) return "Without the point term IPA does not know where anything is: its map cannot change at all.";
  if (change.naive < 1e-3) return "This is how the protein lies in the page at first. Drag it.";
  return "IPA's map stands still: what is left is rounding. To the naive attention, the same protein, turned, is a new one.";
}

// How much goes to the one that gets most, the mean over heads and residues.
function meanOfLargest(weights) {
  let sum = 0;
  for (let row = 0; row < weights.length; row += L) sum += weights.subarray(row, row + L).reduce((a, b) => Math.max(a, b));
  return sum / (weights.length / L);
}

function drawProtein() {
  own = changed(state);
  const elements = ["N", "C", "C", "O"], names = ["N", "CA", "C", "O"], letters = { H: "h", E: "s", "-": "c" };
  const ss = i => letters[facts.structure[i]];
  const atoms = Array.from({ length: 4 * L }, (_, k) => {
    const i = Math.floor(k / 4), [x, y, z] = own.slice(3 * k, 3 * k + 3);
    const ends = { ssbegin: ss(i) !== "c" && ss(i - 1) !== ss(i), ssend: ss(i) !== "c" && ss(i + 1) !== ss(i) };
    return { x, y, z, ss: ss(i), ...ends, atom: names[k % 4], elem: elements[k % 4], resn: facts.names[i],
      resi: facts.numbers[i], chain: "A", serial: k, hetflag: false, bonds: [], bondOrder: [] }; // prettier-ignore
  });
  scene.removeAllModels();
  scene.addModel().addAtoms(atoms);
  const tints = { h: facts.colours.H, s: facts.colours.E, c: facts.colours["-"], "arrow start": facts.colours.E, "arrow end": facts.colours.E };
  scene.setStyle({}, { cartoon: { arrows: true, colorscheme: { prop: "ss", map: tints } } });
  scene.setHoverable({}, true, atom => select(facts.numbers.indexOf(atom.resi), "ipa"), () => {});
  scene.setClickable({}, true, atom => select(facts.numbers.indexOf(atom.resi), "ipa"));
  drawn = "";
  scene.render();
}

// From the chosen residue to those that it attends to, as thick as its weights.
function drawLinks() {
  scene.removeAllShapes();
  for (const row of root.querySelectorAll(".live-row")) {
    row.style.top = `${(100 * state.residue) / L}%`;
    row.hidden = !state.from;
  }
  if (!state.from || !now) return scene.render();
  const row = (state.from === "ipa" ? now.ipa_mean : now.naive).slice(state.residue * L, (state.residue + 1) * L);
  const place = i => ({ x: own[12 * i + 3], y: own[12 * i + 4], z: own[12 * i + 5] });
  row[state.residue] = 0;
  const most = row.reduce((a, b) => Math.max(a, b));
  row.forEach((weight, j) => {
    if (weight < most / 3) return;
    const line = { start: place(state.residue), end: place(j), radius: (0.4 * weight) / most, color: "#D55E00" };
    scene.addCylinder({ ...line, fromCap: 1, toCap: 1 });
  });
  scene.addSphere({ center: place(state.residue), radius: 0.9, color: "#D55E00" });
  scene.render();
}

// --- what the reader does --------------------------------------------------------------------------------------------

function select(residue, from) {
  if (residue < 0 || (residue === state.residue && from === state.from)) return;
  Object.assign(state, { residue, from });
  find("[name=residue]").value = residue + 1;
  say();
  if (state.move) drawProtein();
  drawn = "";
}

function say() {
  const { names, numbers } = facts, name = `${names[state.residue]} ${numbers[state.residue]}`;
  find("[name=residue] + output").textContent = name;
  find("[name=gamma] + output").textContent = state.gamma.toFixed(1);
  for (const what of ["mirror", "move"]) find(`[data-do=${what}]`).setAttribute("aria-pressed", state[what]);
}

const deeds = {
  spin: () => (calm() ? scene.rotate(60, "y") : (spinning = performance.now() + SPIN.for)),
  reset() {
    Object.assign(state, { mirror: false, move: false, from: null });
    spinning = 0;
    drawProtein();
    scene.setView([...scene.getView().slice(0, 4), ...SIDE]);
  },
  mirror: () => ((state.mirror = !state.mirror), drawProtein()),
  move: () => ((state.move = !state.move), (state.from ??= "ipa"), drawProtein()),
};

function listen() {
  root.addEventListener("click", event => (deeds[event.target.dataset.do]?.(), say()));
  root.addEventListener("input", ({ target }) => {
    if (target.name === "residue") select(target.value - 1, state.from ?? "ipa");
    if (target.name === "gamma") state.gamma = +target.value;
    if (target.name === "unit") state.unit = +target.value;
    if (target.type === "checkbox") state.terms = ["scalar", "pair", "point"].map(name => +find(`[name=${name}]`).checked);
    say();
  });
  for (const panel of root.querySelectorAll(".live-map")) {
    const square = panel.querySelector(".live-square");
    square.addEventListener("pointermove", ({ clientY }) => {
      const { top, height } = square.getBoundingClientRect();
      select(Math.min(L - 1, Math.max(0, Math.floor((L * (clientY - top)) / height))), panel.dataset.map);
    });
  }
  find(".live-scene").addEventListener("pointerdown", () => (spinning = 0));
}

bringToLife(root, async () => {
  [facts, attend] = await Promise.all([json("turn.json"), openGraph("turn.onnx")]);
  L = facts.names.length;
  const norm = Math.hypot(...SIDE);
  SIDE.forEach((x, k) => (SIDE[k] = x / norm));
  showStage(root);
  scene = await openScene(find(".live-scene"));
  drawProtein();
  scene.zoomTo();
  scene.setView([...scene.getView().slice(0, 4), ...SIDE]);
  scene.zoom(1.15);
  scene.render();
  listen();
  say();
  Object.assign(root, { look, facts }); // for the tests
  watch();
});
