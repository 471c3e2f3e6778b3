// Prints a Vue or Svelte component as a JavaScript module, compiled like their bundler plugins do.
// Usage: compile.mjs NODE_MODULES FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const source = readFileSync(file, "utf8");

if (file.endsWith(".svelte")) {
  const { compile } = require("svelte/compiler");
  const { js, warnings } = compile(source, { filename: file, generate: "client" });
  if (warnings.length) throw new Error(warnings[0].message);
  process.stdout.write(js.code);
} else {
  const { compileScript, parse } = require("vue/compiler-sfc");
  const { descriptor, errors } = parse(source, { filename: file });
  if (errors.length) throw errors[0];
  const compilerOptions = { isCustomElement: (tag) => tag === "manage-billing-button" };
  const { content } = compileScript(descriptor, { id: "example", inlineTemplate: true, templateOptions: { compilerOptions } });
  process.stdout.write(content);
}
