import { argv } from "node:process";
import { pathToFileURL } from "node:url";

export function greet(name) {
  return `Hello, ${name}!`;
}

if (argv[1] && import.meta.url === pathToFileURL(argv[1]).href) {
  console.log(greet(argv[2] ?? "world"));
}
