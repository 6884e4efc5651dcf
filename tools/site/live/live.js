// What the live pages share: ONNX Runtime, 3Dmol.js, maps. Everything comes from this script's own folder.
const here = name => new URL(name, import.meta.url);

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const json = async name => (await fetch(here(name))).json();
export const frame = () => new Promise(done => requestAnimationFrame(done));

// --- the modules -----------------------------------------------------------------------------------------------------

const bytes = async name => new Uint8Array(await (await fetch(here(name))).arrayBuffer());

// ONNX Runtime's program travels compressed; some servers unpack it on the way.
async function unpacked(packed) {
  if (packed[0] !== 0x1f || packed[1] !== 0x8b) return packed;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let runtime;
async function startRuntime() {
  const ort = await import(here("ort.mjs"));
  ort.env.wasm.wasmBinary = await unpacked(await bytes("ort.wasm.gz"));
  ort.env.wasm.numThreads = 1; // more would ask the server for headers that a plain one does not send
  ort.env.logLevel = "error";
  return ort;
}

// A function from {name: [type, numbers, shape]} to {name: numbers}.
export async function openGraph(name) {
  const [ort, model] = await Promise.all([(runtime ??= startRuntime()), bytes(name)]);
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  return async inputs => {
    const feeds = {};
    for (const [key, [type, data, shape]] of Object.entries(inputs)) feeds[key] = new ort.Tensor(type, data, shape);
    const answer = await session.run(feeds);
    return Object.fromEntries(Object.entries(answer).map(([key, tensor]) => [key, tensor.data]));
  };
}

// --- the page --------------------------------------------------------------------------------------------------------

// Shows the stage once `open` has prepared it; if that fails, the still remains, and the page says why.
export async function bringToLife(root, open) {
  const message = root.querySelector(".live-message");
  try {
    if (typeof WebAssembly !== "object") throw new Error("this browser has no WebAssembly");
    message.textContent = "Loading the modules …";
    await open();
    message.textContent = "";
    root.dataset.alive = "";
  } catch (error) {
    root.querySelector(".live-stage").hidden = true;
    root.querySelector(".live-still").hidden = false;
    message.textContent = `This page computes while you watch, but here it cannot: ${error.message}. So there is the picture.`;
    console.warn(error);
  }
}

export function showStage(root) {
  root.querySelector(".live-still").hidden = true;
  root.querySelector(".live-stage").hidden = false;
}

export async function openScene(box, says) {
  if (!window.$3Dmol)
    await new Promise((done, failed) => {
      const script = Object.assign(document.createElement("script"), { src: here("3Dmol-min.js"), onload: done });
      script.onerror = () => failed(new Error("3Dmol.js did not load"));
      document.head.append(script);
    });
  const scene = window.$3Dmol.createViewer(box, { backgroundAlpha: 0, antialias: true, cartoonQuality: 8 });
  if (!scene) throw new Error("this browser has no WebGL");
  box.addEventListener("wheel", event => event.stopImmediatePropagation(), true); // the wheel scrolls the page
  box.addEventListener("keydown", event => {
    const turns = { ArrowLeft: ["y", -6], ArrowRight: ["y", 6], ArrowUp: ["x", -6], ArrowDown: ["x", 6] };
    const [axis, angle] = turns[event.key] ?? [];
    if (axis) scene.rotate(angle, axis);
    else if (event.key === "+") scene.zoom(1.1);
    else if (event.key === "-") scene.zoom(1 / 1.1);
    else return;
    event.preventDefault();
    says?.();
  });
  const canvas = box.querySelector("canvas");
  canvas.setAttribute("aria-hidden", "true"); // the box around it speaks
  new ResizeObserver(() => scene.resize()).observe(box);
  return scene;
}

export function drawMap(canvas, values, size, largest, colours) {
  canvas.width = canvas.height = size;
  const paper = canvas.getContext("2d"), image = paper.createImageData(size, size);
  for (let k = 0; k < values.length; k++) {
    const colour = colours[Math.min(255, Math.floor((256 * values[k]) / largest))];
    image.data.set([...colour, 255], 4 * k);
  }
  paper.putImageData(image, 0, 0);
}

export function largestChange(a, b) {
  let most = 0;
  for (let k = 0; k < a.length; k++) most = Math.max(most, Math.abs(a[k] - b[k]));
  return most;
}

// Plain decimals, never 3e-7: zeros say more.
export const plain = x => (x === 0 ? "0" : x < 0.01 ? x.toFixed(Math.min(9, 1 - Math.floor(Math.log10(x)) - 1)) : x.toFixed(2));
