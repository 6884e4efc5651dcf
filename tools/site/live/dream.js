// "Dream": from noise to a backbone. Each step is one run of step.onnx, its judges are judge.onnx; see graphs.py.
import { bringToLife, calm, frame, json, openGraph, openScene, showStage } from "./live.js";

const BEGIN = 0.01; // the first time that the network is asked about, as in ipa_tutorial.dreams
const BONDED = 1.9; // Å, from C to the next N: nearer than this they are drawn as bonded
const DARK = 0x0072b2, LIGHT = 0xe69f00; // held, dreamt
const SELDOM = 10; // for who wants less motion: one step in so many is drawn

const root = document.querySelector("#dream"), find = selector => root.querySelector(selector);
const field = name => find(`[name=${name}]`);
let facts, start, step, judge, scene, running = 0, last = null, torsions = null;

// --- the walk --------------------------------------------------------------------------------------------------------

// Gaussian numbers, the same for the same seed (mulberry32, Box and Muller).
function dice(seed) {
  const uniform = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const one = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return count => Float64Array.from({ length: count }, one);
}

// Yields after each step what the graph says. `draw(n)` hands out n random numbers; `truth` has the first `held` residues.
export async function* walk({ length: L, steps, draw, held = 0, truth = null }) {
  const double = (data, ...shape) => ["float64", data, shape];
  let { rotations, translations } = await start({ arrows: double(draw(6 * L), 2, L, 3), places: double(draw(3 * L), L, 3) });
  let goal_rotations = rotations, goal_translations = translations;
  truth ??= { rotations, translations };
  const time = k => BEGIN + ((1 - BEGIN) * k) / steps;
  for (let k = 0; k < steps; k++) {
    const told = await step({
      rotations: double(rotations, L, 3, 3), translations: double(translations, L, 3),
      goal_rotations: double(goal_rotations, L, 3, 3), goal_translations: double(goal_translations, L, 3),
      known: ["bool", [k > 0], []], t: double([time(k)], 1), after: double([k + 1 < steps ? time(k + 1) : 1], 1),
      fresh: double(k + 1 < steps ? draw(3 * L) : new Float64Array(3 * L), L, 3),
      held: ["bool", Array.from({ length: L }, (_, i) => i < held), [L]],
      true_rotations: double(truth.rotations, L, 3, 3), true_translations: double(truth.translations, L, 3),
    }); // prettier-ignore
    [rotations, translations] = [told.next_rotations, told.next_translations];
    [goal_rotations, goal_translations] = [told.next_goal_rotations, told.next_goal_translations];
    yield { rotations, translations, atoms: told.atoms, goal_atoms: told.goal_atoms, k: k + 1,
      judged: await judge({ atoms: double(told.atoms, L, 4, 3) }) };
  }
}

// The noise that the next dream begins with.
async function drawNoise() {
  const mine = ++running, length = { "": +field("length").value, dream: last?.length, ubiquitin: facts.ubiquitin.length }[field("hold").value];
  const draw = dice(+field("seed").value), double = (data, ...shape) => ["float64", data, shape];
  const { atoms } = await start({ arrows: double(draw(6 * length), 2, length, 3), places: double(draw(3 * length), length, 3) });
  if (mine !== running) return;
  aim(atoms);
  drawSticks({ atoms }, length, 0);
  find("progress").value = 0;
  find(".live-progress output").textContent = "the noise";
  find(".live-reading").textContent = `${length} residues, each a rigid piece, lie about at random. Press “Dream”.`;
}

async function dream() {
  const mine = ++running; // a new dream ends the old one
  const hold = field("hold").value, truth = { "": null, dream: last, ubiquitin: facts.ubiquitin }[hold];
  const length = truth ? truth.length : +field("length").value, steps = +field("steps").value, began = performance.now();
  const held = truth ? +field("held").value : 0;
  find("progress").max = steps;
  scene.removeAllModels();
  let told;
  for await (told of walk({ length, steps, held, truth, draw: dice(+field("seed").value) })) {
    if (mine !== running) return;
    if (told.k === 1) aim(told.atoms);
    if (told.k < steps && !(calm() && told.k % SELDOM)) drawSticks(told, length, held);
    report(told, steps, length, held);
    await frame();
    if (mine !== running) return;
  }
  drawRibbon(told.atoms, length, held);
  last = { length, rotations: told.rotations, translations: told.translations };
  field("hold").querySelector("[value=dream]").disabled = false;
  find("[data-speed]").textContent = `Here: ${((performance.now() - began) / 1000).toFixed(1)} s for ${steps} steps.`;
}

// --- pictures --------------------------------------------------------------------------------------------------------

const place = (atoms, k) => ({ x: atoms[3 * k], y: atoms[3 * k + 1], z: atoms[3 * k + 2] });
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z);

// The colour of residue i: from N to C blue, green, orange; if a part is held, dark for it, light for what is dreamt.
function tint(i, L, held) {
  if (held) return i < held ? DARK : LIGHT;
  const stops = [[0, 114, 178], [0, 158, 115], [230, 159, 0]], x = (2 * i) / L, k = Math.min(1, Math.floor(x)); // prettier-ignore
  const mixed = stops[k].map((a, c) => Math.round(a + (x - k) * (stops[k + 1][c] - a)));
  return (mixed[0] << 16) | (mixed[1] << 8) | mixed[2];
}

// As many Å from the middle as the cloud reaches fill the picture.
function aim(atoms) {
  scene.addModel(pdb(atoms, atoms.length / 12), "pdb");
  scene.zoomTo();
  scene.zoom(1.25);
  scene.removeAllModels();
}

function drawSticks({ atoms, goal_atoms }, L, held) {
  scene.removeAllModels();
  const model = scene.addModel(), names = ["N", "CA", "C"];
  model.addAtoms(Array.from({ length: 3 * L }, (_, k) => {
    const i = Math.floor(k / 3), here = place(atoms, 4 * i + (k % 3)), bonds = k % 3 < 2 ? [k + 1] : [];
    if (k % 3) bonds.push(k - 1);
    if (k % 3 === 2 && i + 1 < L && distance(here, place(atoms, 4 * i + 4)) < BONDED) bonds.push(k + 1);
    if (k % 3 === 0 && i && distance(here, place(atoms, 4 * i - 2)) < BONDED) bonds.push(k - 1);
    return { ...here, atom: names[k % 3], elem: names[k % 3][0], resi: i + 1, resn: "GLY", chain: "A", serial: k,
      hetflag: false, bonds, bondOrder: bonds.map(() => 1) };
  })); // prettier-ignore
  model.setStyle({}, { stick: { radius: 0.28, colorfunc: atom => tint(atom.resi - 1, L, held) } });
  if (goal_atoms && field("goal").checked) {
    const goal = scene.addModel(pdb(goal_atoms, L), "pdb", { noComputeSecondaryStructure: true });
    goal.setStyle({}, { cartoon: { style: "trace", thickness: 0.5, color: "#8a929a", opacity: 0.8 } });
  }
  scene.render();
}

function drawRibbon(atoms, L, held) {
  scene.removeAllModels();
  scene.addModel(pdb(atoms, L), "pdb"); // 3Dmol.js finds helices and strands by their hydrogen bonds
  scene.setStyle({}, { cartoon: { arrows: true, colorfunc: atom => tint(atom.resi - 1, L, held) } });
  scene.zoomTo({}, calm() ? 0 : 600);
  scene.render();
}

function pdb(atoms, L) {
  const names = ["N", "CA", "C", "O"];
  return Array.from({ length: 4 * L }, (_, k) => {
    const xyz = [...atoms.slice(3 * k, 3 * k + 3)].map(x => x.toFixed(2).padStart(8)).join("");
    const name = names[k % 4], number = String(Math.floor(k / 4) + 1).padStart(4);
    return `ATOM  ${String(k + 1).padStart(5)}  ${name.padEnd(3)} GLY A${number}    ${xyz}${name[0].padStart(24)}`;
  }).join("\n");
}

function report({ k, judged }, steps, L, held) {
  find("progress").value = k;
  find(".live-progress output").textContent = `step ${k} of ${steps}`;
  torsions = judged;
  drawTorsions();
  const [phi_psi, bends, twisted] = judged.shares;
  const here = { phi_psi, bends, twisted, contacts: Number(judged.contacts[0]) };
  for (const [name, value] of Object.entries(here)) find(`[data-judge=${name}] td`).textContent = written(name, value);
  const done = k === steps, words = done ? finished(here, held) : k < 0.6 * steps
    ? `${L} residues, still apart. At each step the network names a goal, and everything moves a little towards it.`
    : "The pieces find their neighbours: sticks join into a chain, torsions gather where nature's are.";
  if (find(".live-reading").textContent !== words) find(".live-reading").textContent = words;
}

function finished({ phi_psi, contacts }, held) {
  const what = held ? `The first ${held} residues are where they were; the rest is dreamt.` : "A backbone that nobody has seen before.";
  const torsions = phi_psi <= 0.03 ? "Its torsions are nature's" : "Some of its torsions are not nature's";
  const atoms = contacts === 0 ? "no atoms are in each other" : `${contacts} pairs of atoms are in each other`;
  return `${what} ${torsions}; ${atoms}. Is it a good one? Dream several, and compare.`;
}

const written = (name, value) => (name === "contacts" ? value.toFixed(Number.isInteger(value) ? 0 : 1) : `${(100 * value).toFixed(1)} %`);

function drawTorsions() {
  const canvas = find(".live-torsions"), size = 260, margin = 24, side = size - margin, sharp = 2;
  const colour = name => getComputedStyle(root).getPropertyValue(name);
  canvas.width = canvas.height = size * sharp;
  const paper = canvas.getContext("2d"), bins = facts.bins, cell = side / bins;
  paper.scale(sharp, sharp);
  paper.fillStyle = colour("--well");
  paper.fillRect(margin, 0, side, side);
  paper.fillStyle = colour("--key");
  facts.common.forEach((level, k) => {
    if (!level) return;
    paper.globalAlpha = 0.12 + 0.1 * level;
    paper.fillRect(margin + Math.floor(k / bins) * cell, side - ((k % bins) + 1) * cell, cell + 0.3, cell + 0.3);
  });
  paper.globalAlpha = 1;
  paper.font = "12px sans-serif";
  paper.fillStyle = colour("--soft");
  paper.textAlign = "center";
  for (const degrees of [-180, 0, 180]) {
    const at = ((degrees + 180) / 360) * side;
    paper.fillText(degrees, Math.min(margin + at, size - 14), size - 8);
    paper.save();
    paper.translate(14, Math.max(14, Math.min(side - at, side - 14)));
    paper.rotate(-Math.PI / 2);
    paper.fillText(degrees, 0, 0);
    paper.restore();
  }
  paper.fillText("φ", margin + 0.75 * side, size - 8);
  paper.fillText("ψ", 14, 0.25 * side);
  torsions?.phi.forEach((phi, i) => {
    const x = margin + ((phi + 180) / 360) * side, y = side - ((torsions.psi[i] + 180) / 360) * side;
    paper.fillStyle = colour("--ink");
    paper.strokeStyle = colour("--loud");
    paper.lineWidth = 2;
    paper.beginPath();
    if (torsions.outliers[i]) paper.moveTo(x - 4, y - 4), paper.lineTo(x + 4, y + 4), paper.moveTo(x - 4, y + 4), paper.lineTo(x + 4, y - 4), paper.stroke();
    else paper.arc(x, y, 2.2, 0, 2 * Math.PI), paper.fill();
  });
}

// --- what the reader does --------------------------------------------------------------------------------------------

function say() {
  const hold = field("hold").value, length = { "": +field("length").value, dream: last?.length, ubiquitin: facts.ubiquitin.length }[hold];
  field("length").disabled = hold !== "";
  field("held").disabled = hold === "";
  field("held").max = length - 8;
  find("[name=length] + output").textContent = length;
  find("[name=held] + output").textContent = hold ? `the first ${field("held").value}` : "none";
}

const deeds = {
  dream,
  noise() {
    field("seed").value = 1 + Math.floor(999999 * Math.random());
    dream();
  },
};

bringToLife(root, async () => {
  const graphs = ["start.onnx", "step.onnx", "judge.onnx"].map(openGraph);
  [facts, start, step, judge] = await Promise.all([json("dream.json"), ...graphs]);
  for (const name of ["phi_psi", "bends", "twisted", "contacts"]) {
    const [, dreams, nature] = root.querySelectorAll(`[data-judge=${name}] td`);
    dreams.textContent = written(name, facts.dreams[name]);
    nature.textContent = written(name, facts.nature[name]);
  }
  showStage(root);
  scene = await openScene(find(".live-scene"));
  drawTorsions();
  new MutationObserver(drawTorsions).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  root.addEventListener("click", event => deeds[event.target.dataset.do]?.());
  root.addEventListener("input", ({ target }) => {
    say();
    if (["seed", "length", "hold"].includes(target.name)) drawNoise();
  });
  say();
  drawNoise();
  Object.assign(root, { walk, facts }); // for the tests
});
