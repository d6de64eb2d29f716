// Reads a list of events, and prints what Stripe's own description has against them, as JSON.

import { readFileSync } from "node:fs";

import Ajv from "ajv/dist/2020.js";

import { document, eventTypes } from "./document.mjs";

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema({ $id: "stripe", components: document.components });

/** The schema of a type: the union of all would blame an event for what it is not. */
const names = document.components.schemas.Event.anyOf.map(({ $ref }) => $ref.split("/").at(-1));
const schemaOf = (type) =>
  names.find((name) => document.components.schemas[name].properties.type.enum[0] === type);

const failures = [];
for (const event of JSON.parse(readFileSync(0, "utf8"))) {
  const name = eventTypes.has(event.type) ? schemaOf(event.type) : "AnyEvent";
  const check = ajv.getSchema(`stripe#/components/schemas/${name}`);
  if (check(event)) continue;
  const said = check.errors.slice(0, 5).map((it) => `${it.instancePath}: ${it.message}`);
  failures.push(`${event.type}: ${said.join("; ")}`);
}
console.log(JSON.stringify(failures));
