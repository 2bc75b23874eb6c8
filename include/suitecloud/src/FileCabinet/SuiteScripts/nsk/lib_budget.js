/**
 * What one call may still spend. NetSuite ends a RESTlet at 5,000 units, at 300 seconds and near 10 MB of output; a call of ours
 * stops short of each and hands back a cursor.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/runtime'], (runtime) => {
    const MAX_BYTES = 9.5 * 1000 * 1000;
    const MAX_MILLISECONDS = 240 * 1000;
    // A search costs 10 units (run and fetch); the rest completes a record of many lines.
    const RESERVED_UNITS = 100;
    const NOT_ASCII = /[^\x00-\x7f]/g; // eslint-disable-line no-control-regex

    /** An upper bound of the bytes that a value takes as JSON: a character outside ASCII takes at most three. */
    const bytesOf = (value) => {
        const text = JSON.stringify(value);
        const others = text.match(NOT_ASCII);
        return text.length + 2 * (others === null ? 0 : others.length);
    };

    const start = () => {
        const script = runtime.getCurrentScript();
        const units = script.getRemainingUsage();
        const began = Date.now();

        return {
            used: () => units - script.getRemainingUsage(),

            /** Why no further search may be run: `units`, `time` or null. */
            exhausted: () => {
                if (script.getRemainingUsage() < RESERVED_UNITS) {
                    return 'units';
                }
                return Date.now() - began > MAX_MILLISECONDS ? 'time' : null;
            },

            bytesOf,

            /** Whether values of so many bytes may be sent. */
            fits: (bytes) => bytes <= MAX_BYTES,
        };
    };

    return { start };
});
