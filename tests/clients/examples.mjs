// Whether examples are what the document's schemas take: ajv, which nobody here has written, says
// what is wrong. The document's path and the examples come as arguments.

import { readFile } from "node:fs/promises";

import Ajv from "ajv/dist/2020.js";

const document = JSON.parse(await readFile(process.argv[2], "utf8"));
const examples = JSON.parse(process.argv[3]);
// Formats are hints in this dialect, and a document has members that no schema knows.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(document, "contract");

const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
const wrong = [];
for (const { id, value } of examples) {
  const { requestBody } = operations.find((operation) => operation.operationId === id);
  const { schema } = requestBody.content["application/json"];
  const placed = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"contract#/'));
  const check = ajv.compile(placed);
  if (!check(value)) wrong.push({ id, value, errors: check.errors });
}
process.stdout.write(JSON.stringify(wrong));
