// Makes this process what n8n's Code node runs in: `node --require ./test/frozen.cjs`. What every
// module needs is loaded first, as n8n has it loaded; then no prototype of a global can be changed.

require("node:test");
require("@supabase/supabase-js");
require("postgres");
require("ws");

// Those of fetch are made when they are first asked for.
for (const name of Object.getOwnPropertyNames(globalThis)) {
  const value = Reflect.get(globalThis, name);
  if (typeof value !== "function") continue;
  if (value.prototype && typeof value.prototype === "object") Object.freeze(value.prototype);
  Object.freeze(value);
}
for (const namespace of [Reflect, JSON, Math]) Object.freeze(namespace);

// The reporter of node:test closes a stream at its end with an error that Node cannot name here.
process.on("uncaughtException", (error) => {
  if (!error.stack?.includes("node:internal/streams/compose")) throw error;
});
