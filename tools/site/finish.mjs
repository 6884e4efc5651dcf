// What is left to do when Sphinx has written the pages: node finish.mjs FOLDER
//
//   formulas   are set here, by KaTeX, and not in the reader's browser; one that KaTeX cannot read is an error
//   everybody  what a screen reader stumbles over in the theme is put right
//   weight     scripts that a page has no use for are taken out, and maps for debugging
//   vendored   fonts and KaTeX's styles are put beside the pages: nothing is asked of another host
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import katex from "katex";

const HERE = dirname(fileURLToPath(import.meta.url)), PACKAGES = join(HERE, "node_modules");
const SITE = process.argv[2], STATIC = join(SITE, "_static");
const FONTS = ["source-serif-4", "source-sans-3"];

// --- formulas ----------------------------------------------------------------------------------------------------

const FORMULA = /<(span|div) class="math notranslate nohighlight"([^>]*)>\s*\\([([])([\s\S]*?)\\[)\]]\s*<\/\1>/g;
const LETTERS = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'", "&#x27;": "'" };
const known = new Map(), unreadable = [];

function formula(escaped, displayMode, page) {
  const tex = escaped.replace(/&(lt|gt|amp|quot|#39|#x27);/g, letter => LETTERS[letter]).trim(), key = displayMode + tex;
  if (known.has(key)) return known.get(key);
  try {
    known.set(key, katex.renderToString(tex, { displayMode, strict: "error" }));
  } catch (error) {
    unreadable.push(`${page}: ${error.message}\n    ${tex}`);
  }
  return known.get(key);
}

const withFormulas = (html, page) => html.replace(FORMULA, (_, tag, attributes, kind, tex) =>
  `<${tag} class="math"${attributes}>${formula(tex, kind === "[", page)}</${tag}>`);

// --- weight ------------------------------------------------------------------------------------------------------

// Icons come as a font, too, at a tenth of the weight; the index is for the page that searches.
const ICONS = /<script defer src="[^"]*\/fontawesome\.js[^"]*"><\/script>\n?/g;
const SEARCH = /<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"><\/script>\n?/g;

const lighter = (html, page) => html.replace(ICONS, "").replace(page === "search.html" ? /$^/ : SEARCH, "");

// --- everybody ---------------------------------------------------------------------------------------------------

// What axe-core finds in the theme's own HTML: a label that hides the visible words, an arrow without a name, a list of
// definitions without terms (the arguments of a function, a line each).
const SEARCH_BUTTON = /(<button class="btn search-button-field[^>]*?) aria-label="Search"/g;
const ARROW = /<summary>(?=<span class="toctree-toggle")/g;
const ARGUMENTS = /<dl>\n((?:<dd><em class="sig-param">.*<\/dd>\n)+)<\/dl>/g;

const readable = html => html
  .replace(SEARCH_BUTTON, "$1")
  .replace(ARROW, '<summary aria-label="Show what is below">')
  .replaceAll('<summary aria-label="Toggle hidden content">', "<summary>") // of a folded cell: it has a title of its own
  .replace(ARGUMENTS, (_, lines) => `<span class="sig-lines">${lines.replace(/<(\/?)dd>/g, "<$1span>")}</span>`);

// --- all ---------------------------------------------------------------------------------------------------------

const files = readdirSync(SITE, { recursive: true });
for (const page of files.filter(name => name.endsWith(".html"))) {
  const path = join(SITE, page), html = readFileSync(path, "utf8");
  writeFileSync(path, readable(lighter(withFormulas(html, page), page)));
}
for (const map of files.filter(name => /\.(js|css)\.map$|fontawesome\.js$/.test(name))) rmSync(join(SITE, map));
cpSync(join(PACKAGES, "katex", "dist", "katex.min.css"), join(STATIC, "katex", "katex.min.css"));
const modern = name => !/\.(ttf|woff)$/.test(name);
cpSync(join(PACKAGES, "katex", "dist", "fonts"), join(STATIC, "katex", "fonts"), { recursive: true, filter: modern });
for (const font of FONTS) {
  const from = join(PACKAGES, "@fontsource-variable", font), to = join(STATIC, "fonts", font);
  for (const part of readdirSync(join(from, "files")).filter(name => /(latin|greek)(-ext)?-wght/.test(name)))
    cpSync(join(from, "files", part), join(to, "files", part));
  for (const style of ["wght.css", "wght-italic.css"]) cpSync(join(from, style), join(to, style));
}
for (const line of unreadable) console.error(line);
process.exit(unreadable.length ? 1 : 0);
