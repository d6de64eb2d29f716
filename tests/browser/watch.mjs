// A page that watches a project by an `EventSource`, which can send no header, until a turn ends.

import { browser } from "./harness.mjs";

await browser(async ({ page, world }) => {
  await page.goto("/sign-in");
  return page.evaluate(watch, world);
});

/** In the page: everything that is heard of the project, from its beginning. */
function watch({ project, ticket }) {
  const heard = [];
  const path = `/api/v1/projects/${project}/events?after=0&ticket=${ticket}`;
  const source = new EventSource(path);
  return new Promise((resolve, reject) => {
    const names = [
      "thread/started",
      "turn/started",
      "item/commandExecution/requestApproval",
      "item/fileChange/requestApproval",
      "gantry/approval",
      "serverRequest/resolved",
      "item/completed",
      "turn/completed",
    ];
    const hear = (name) => (event) => {
      heard.push({ name, data: JSON.parse(event.data) });
      if (name !== "turn/completed") return;
      source.close();
      resolve(heard);
    };
    for (const name of names) source.addEventListener(name, hear(name));
    source.onerror = () => reject(new Error("the stream broke off"));
  });
}
