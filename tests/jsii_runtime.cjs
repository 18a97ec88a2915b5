// The runtime of jsii, with its kernel in this process.
//
// The runtime of the package starts the kernel in a second process and passes on what each of the two says, which takes
// a sixth of the time of the unit tests. The kernel here is the same file. It talks on descriptor 3, which is in
// place of standard input and output, so that what an app prints goes to standard error, in the form that jsii for Python reads.
"use strict";
const fs = require("node:fs");

const { readSync, writeSync } = fs;
fs.readSync = (descriptor, ...rest) => readSync(descriptor === 3 ? 0 : descriptor, ...rest);
fs.writeSync = (descriptor, ...rest) => writeSync(descriptor === 3 ? 1 : descriptor, ...rest);

for (const name of ["stdout", "stderr"]) {
  process[name].write = (chunk, encoding, callback = encoding) => {
    const bytes = Buffer.from(chunk, typeof encoding === "string" ? encoding : undefined);
    writeSync(2, `${JSON.stringify({ [name]: bytes.toString("base64") })}\n`);
    if (typeof callback === "function") process.nextTick(callback);
    return true;
  };
}

require("../lib/program.js");
