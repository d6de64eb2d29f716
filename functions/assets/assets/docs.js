// What the documentation does beside being read: it finds calls, and tries them.

import { finder } from "./docs-find.js";
import { tryout } from "./docs-try.js";

const find = document.querySelector("[data-find]");
if (find) finder(find);
const panel = document.querySelector("[data-try]");
if (panel) tryout(panel);
