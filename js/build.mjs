// Bundles each front end that is present into cx_widgets/static: one self-contained module and one style sheet.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, context } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const outdir = join(root, "cx_widgets", "static");
const wanted = ["board", "caption", "chooser", "claims", "flow", "quadrant"].flatMap((name) => [`${name}.js`, `${name}.css`]);
const present = wanted.filter((name) => existsSync(join(here, name)));
const watching = process.argv.includes("--watch");

mkdirSync(outdir, { recursive: true });

/** @type {import("esbuild").BuildOptions} */
const options = {
  absWorkingDir: root,
  bundle: true,
  charset: "utf8",
  entryPoints: present.map((name) => join("js", name)),
  format: "esm",
  legalComments: "none",
  logLevel: "warning",
  minify: true,
  outdir,
  sourcemap: false,
  target: ["es2022", "chrome111", "firefox113", "safari16.2"],
};

if (watching) {
  await (await context(options)).watch();
} else {
  await build(options);
  for (const name of present) {
    const bytes = readFileSync(join(outdir, name));
    process.stdout.write(`${name.padEnd(12)} ${String(bytes.length).padStart(7)} bytes, ${gzipSync(bytes).length} compressed\n`);
  }
}
