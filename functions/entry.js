// What the platform loads: plain exports around the compiled Worker.
//
// The default export is a plain object, because a class instance or a proxy per request costs CPU.
// After a fault that no unwinding can catch, the wasm instance is replaced and the memory of its
// objects is gone: a wrapper then builds its object anew from the same state, as after an eviction.
// The build appends `export const Name = object(rust.Name)` per object class of wrangler.toml.

import * as rust from "./bindings.js";

const wasm = rust.__worker_init_state();

// Rust wakes its futures by this, several times for each request. The runtime's own makes a new
// function for every call; a settled promise does the same and makes none.
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => void settled.then(task);

export default {
  fetch: (request, env, context) => rust.fetch(request, env, context),
  scheduled: (event, env, context) => rust.scheduled?.(event, env, context),
};

const DOORS = ["fetch", "alarm", "webSocketMessage", "webSocketClose", "webSocketError"];

function object(Rust) {
  class Wrapper {
    constructor(state, env) {
      this.state = state;
      this.env = env;
      this.build();
    }

    build() {
      this.instance = wasm.instanceId;
      this.rust = new Rust(this.state, this.env);
    }
  }
  for (const door of DOORS.filter((name) => name in Rust.prototype)) {
    Wrapper.prototype[door] = function (...args) {
      if (this.instance !== wasm.instanceId) this.build();
      return this.rust[door](...args);
    };
  }
  return Wrapper;
}
