// The sandbox account's inside: errors, the meter of a script run, and the account's settings.
// Every file here adds to one object, `ns`; the order of loading is in engine.py.
'use strict';

globalThis.ns = {};

(() => {
    /** What N/error.create makes and what the platform throws. */
    class SuiteScriptError {
        constructor({ name, message, notifyOff = false, cause = null }, type = 'error.SuiteScriptError') {
            this.type = type;
            this.name = String(name);
            this.message = String(message === undefined ? '' : message);
            this.id = '';
            this.stack = [];
            this.cause = cause;
            this.notifyOff = notifyOff;
            this.userFacing = false;
        }

        toJSON() {
            const { type, name, message, stack, cause, id, notifyOff, userFacing } = this;
            return { type, name, message, stack, cause, id, notifyOff, userFacing };
        }

        toString() {
            return JSON.stringify(this);
        }
    }

    ns.SuiteScriptError = SuiteScriptError;
    /** A text of the platform's own in the language of the user who runs, where texts.json has it. */
    ns.say = (name, message) => (ns.texts[ns.settings.language] || {})[name] || message;
    ns.fail = (name, message) => {
        throw new SuiteScriptError({ name, message: ns.say(name, message) });
    };
    ns.missing = (argument) => ns.fail(
        'SSS_MISSING_REQD_ARGUMENT', `Missing a required argument: ${argument}`,
    );

    ns.texts = {}; // language -> error code -> text
    ns.settings = {
        account: '1234567_SB1',
        timezone: 'America/Los_Angeles',
        dateFormat: 'M/D/YYYY',
        timeFormat: 'h:mm a',
        language: 'en_US',
        lackingPermissions: [], // keys of permissions that the integration's role has lost
        units: 5000, // of a RESTlet
        seconds: 300,
        outputBytes: 10 * 1024 * 1024,
        searchSeconds: 0, // how much script time each search seems to take
        columnTypes: true, // whether a loaded search tells its columns' types
    };

    const realNow = Date.now;
    let meter = null;

    Date.now = () => realNow() + (meter === null ? 0 : meter.simulated);

    const end = (name, message) => {
        meter.ended = new SuiteScriptError({ name, message: ns.say(name, message) });
        throw meter.ended;
    };

    /** Runs `work(meter)` on a meter of its own; the one that ran before goes on afterwards. */
    ns.metered = (units, work) => {
        const before = meter;
        const simulated = before === null ? 0 : before.simulated;
        meter = { units, used: 0, simulated, began: realNow() + simulated, ended: null };
        try {
            return work(meter);
        } finally {
            meter = before;
        }
    };
    ns.stopMeters = () => {
        meter = null;
    };

    /**
     * Charges units and time. Past a limit the run is over: the error is thrown again by every later call, and counts even if the
     * script swallowed it.
     */
    ns.charge = (units, seconds = 0) => {
        if (meter.ended !== null) {
            throw meter.ended;
        }
        meter.used += units;
        meter.simulated += seconds * 1000;
        if (meter.used > meter.units) {
            end('SSS_USAGE_LIMIT_EXCEEDED', 'Script Execution Usage Limit Exceeded');
        }
        if (Date.now() - meter.began > ns.settings.seconds * 1000) {
            end('SSS_TIME_LIMIT_EXCEEDED', 'Script Execution Time Exceeded.');
        }
    };
    ns.remaining = () => meter.units - meter.used;

    ns.utf8Length = (text) => {
        let bytes = text.length;
        for (let index = 0; index < text.length; index += 1) {
            const code = text.charCodeAt(index);
            if (code > 0x7f) {
                // Half of a surrogate pair stands for two of the pair's four bytes.
                bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
            }
        }
        return bytes;
    };
})();
