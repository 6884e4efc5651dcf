// A small static server for the live pages: their folder as the site has it, and each fragment in a bare page.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json", ".png": "image/png" };

const wrapped = (fragment, theme) => `<!doctype html><html lang="en" data-theme="${theme}"><meta charset="utf-8"><title>Live</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>body { max-width: 750px; margin: 1rem auto; padding: 0 16px; font: 17px/1.6 Georgia, serif } html[data-theme=dark] { background: #14171a; color: #dde1e6 }</style>
<main><h1>Live</h1>${fragment}</main></html>`;

// Serves `folder` as /_static/live/, and fragments, which lie in `fragments`, as /live/NAME.html?theme=dark.
export function serve(folder, fragments) {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1"), name = normalize(pathname).split("/").pop();
    try {
      const page = pathname.startsWith("/live/");
      const body = await readFile(join(page ? fragments : folder, name), page ? "utf8" : undefined);
      response.setHeader("Content-Type", page ? "text/html" : (TYPES[extname(name)] ?? "application/octet-stream"));
      response.end(page ? wrapped(body, searchParams.get("theme") ?? "light") : body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise(ready => server.listen(0, "127.0.0.1", () => ready(server)));
}
