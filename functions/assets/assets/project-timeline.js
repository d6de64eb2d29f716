// The timeline of a project: everything that is known, of which the newest part stands in the page.
// So it stays quick however long a project lives.

import { approvalNode } from "/assets/project-approvals.js";
import { note, render } from "/assets/project-items.js";

/** Entries that are shown at first, and that come with each press on "earlier". */
const CHUNK = 100;
/** Entries that stand in the page while its end is followed. */
const SHOWN_MAX = 300;

/** Whether the reader is at the end, within a few lines. */
export function atEnd() {
  const page = document.documentElement;
  return page.scrollHeight - page.scrollTop - page.clientHeight < 160;
}

export class Timeline {
  #list;
  #earlier;
  #path;
  #heard;
  /**
   * `{ id, item, approvals, text, kind, node, grow, given }`, oldest first. What is `given` stands
   * in the page as the server wrote it, until there is news of it.
   */
  #entries = [];
  #known = new Map();
  /** The first entry that stands in the page. */
  #from = 0;
  #pieces = new Map();

  constructor({ list, earlier, path, heard }) {
    this.#list = list;
    this.#earlier = earlier;
    this.#path = path;
    this.#heard = heard;
  }

  get size() {
    return this.#entries.length;
  }

  clear() {
    this.#entries = [];
    this.#known.clear();
    this.#pieces.clear();
    this.#from = 0;
    this.#list.replaceChildren();
    this.#tell();
  }

  /** Takes over what stands in the page already. */
  adopt() {
    for (const node of this.#list.children) {
      const pre = node.querySelector("[data-grow]");
      const grow = pre && (pre.firstChild ?? pre.appendChild(document.createTextNode("")));
      const entry = { id: node.dataset.entry, approvals: [], node, grow, given: true };
      this.#entries.push(entry);
      this.#known.set(entry.id, entry);
    }
    this.#tell();
    if (document.documentElement.scrollTop === 0) this.#follow();
  }

  has(id) {
    return this.#known.has(id);
  }

  /** An item as it stands now. */
  item(item) {
    const entry = this.#known.get(item.id);
    if (!entry) return this.#add({ id: item.id, item, approvals: [] });
    entry.item = { ...entry.item, ...item };
    entry.given = false;
    this.#pieces.delete(item.id);
    this.#draw(entry);
  }

  /** A piece of a text that grows; pieces of one moment are shown together. */
  piece(id, text) {
    if (!this.#known.has(id)) return;
    if (this.#pieces.size === 0) requestAnimationFrame(() => this.#grow());
    this.#pieces.set(id, (this.#pieces.get(id) ?? "") + text);
  }

  #grow() {
    const follows = atEnd();
    for (const [id, text] of this.#pieces) {
      const entry = this.#known.get(id);
      entry.said = (entry.said ?? "") + text;
      entry.grow?.appendData(text);
    }
    this.#pieces.clear();
    if (follows) this.#follow();
  }

  /** An approval, beside the item that it is about. */
  approval(approval) {
    const entry = this.#known.get(approval.itemId);
    if (!entry) return this.#loose(approval);
    const others = entry.approvals.filter(({ id }) => id !== approval.id);
    entry.approvals = [...others, approval];
    this.#draw(entry);
  }

  #loose(approval) {
    const known = this.#known.get(approval.id);
    if (!known) return this.#add({ id: approval.id, approvals: [approval] });
    known.approvals = [approval];
    this.#draw(known);
  }

  /** What is known of an approval. */
  approvalOf(id) {
    for (const { approvals } of this.#entries) {
      const found = approvals?.find((approval) => approval.id === id);
      if (found) return found;
    }
    return undefined;
  }

  mark(id, text, kind) {
    const known = this.#known.get(id);
    if (!known) return this.#add({ id, text, kind });
    Object.assign(known, { text, kind, given: false });
    this.#draw(known);
  }

  #add(entry) {
    this.#entries.push(entry);
    this.#known.set(entry.id, entry);
    const follows = atEnd();
    this.#list.append(this.#node(entry));
    if (!follows) return;
    this.#shorten();
    this.#follow();
  }

  /** While its end is followed, the page's beginning is taken out of it. */
  #shorten() {
    if (this.#entries.length - this.#from <= SHOWN_MAX) return;
    const from = this.#entries.length - CHUNK;
    for (const entry of this.#entries.slice(this.#from, from)) {
      entry.node.remove();
      if (!entry.given) entry.node = entry.grow = undefined;
    }
    this.#from = from;
    this.#tell();
  }

  #node(entry) {
    if (entry.given) return entry.node;
    if (entry.text !== undefined) return (entry.node = note(entry.text, entry.kind));
    const made = entry.item ? render(entry.item) : { node: note("", "asked") };
    // What has grown since the item was told stands in no item yet.
    if (entry.said && made.grow) made.grow.appendData(entry.said);
    for (const approval of entry.approvals) made.node.append(this.#asked(entry, approval));
    Object.assign(entry, made);
    return entry.node;
  }

  #asked(entry, approval) {
    const beside = Boolean(entry.item) || "item" in (entry.node?.dataset ?? {});
    return approvalNode({ path: this.#path, heard: this.#heard, beside }, approval);
  }

  /** Of what the server wrote, only the questions change. */
  #askAnew(entry) {
    for (const approval of entry.approvals) {
      const made = this.#asked(entry, approval);
      const old = [...entry.node.children].find((it) => it.dataset.approval === approval.id);
      if (old) old.replaceWith(made);
      else entry.node.append(made);
    }
  }

  #draw(entry) {
    const { node } = entry;
    if (entry.item?.status !== "inProgress") entry.said = undefined;
    if (!node) return;
    const follows = atEnd();
    if (entry.given) this.#askAnew(entry);
    else node.replaceWith(this.#node(entry));
    if (follows) this.#follow();
  }

  /** Puts entries of before in front: `{ items }` as turns tell them. */
  before(entries) {
    for (const entry of entries) this.#known.set(entry.id, entry);
    this.#entries.unshift(...entries);
    this.#from += entries.length;
    this.earlier();
  }

  get hasEarlier() {
    return this.#from > 0;
  }

  /** Shows what was before, and leaves the reader where they are. */
  earlier() {
    const page = document.documentElement;
    const below = page.scrollHeight - page.scrollTop;
    const from = Math.max(0, this.#from - CHUNK);
    const nodes = this.#entries.slice(from, this.#from).map((entry) => this.#node(entry));
    this.#list.prepend(...nodes);
    this.#from = from;
    page.scrollTop = page.scrollHeight - below;
    this.#tell();
  }

  #tell() {
    this.#earlier.hidden = !this.hasEarlier && !this.#earlier.dataset.before;
  }

  #follow() {
    const page = document.documentElement;
    page.scrollTop = page.scrollHeight;
  }
}
