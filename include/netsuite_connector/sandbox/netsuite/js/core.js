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
    ns.fail = (name, message) => {
        throw new SuiteScriptError({ name, message });
    };
    ns.missing = (argument) => ns.fail(
        'SSS_MISSING_REQD_ARGUMENT', `Missing a required argument: ${argument}`,
    );

    ns.settings = {
        account: '1234567_SB1',
        user: { id: 5, name: 'Connector Integration', email: 'integration@account.example', role: 1005, roleId: 'customrole_nsk' },
        timezone: 'America/Los_Angeles',
        dateFormat: 'M/D/YYYY',
        timeFormat: 'h:mm a',
        units: 5000,
        seconds: 300,
        outputBytes: 10 * 1024 * 1024,
        searchSeconds: 0, // how much script time each search seems to take
        columnTypes: true, // whether a loaded search tells its columns' types
    };

    const realNow = Date.now;
    let meter = null;

    Date.now = () => realNow() + (meter === null ? 0 : meter.simulated);

    const end = (name, message) => {
        meter.ended = new SuiteScriptError({ name, message });
        throw meter.ended;
    };

    /** Starts the meter of one script run. */
    ns.startMeter = () => {
        meter = { used: 0, began: realNow(), simulated: 0, ended: null };
        return meter;
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
        if (meter.used > ns.settings.units) {
            end('SSS_USAGE_LIMIT_EXCEEDED', 'Script Execution Usage Limit Exceeded');
        }
        if (Date.now() - meter.began > ns.settings.seconds * 1000) {
            end('SSS_TIME_LIMIT_EXCEEDED', 'Script Execution Time Exceeded.');
        }
    };
    ns.remaining = () => ns.settings.units - meter.used;

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
