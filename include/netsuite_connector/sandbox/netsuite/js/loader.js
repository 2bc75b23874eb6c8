// Loads the SuiteCloud project's scripts (AMD: define) and runs an entry point as NetSuite would.
'use strict';

(() => {
    ns.files = {}; // File Cabinet path -> source
    ns.running = { script: null, deployment: null, emptySearches: false };

    const resolve = (from, name) => {
        if (!name.startsWith('.') && !name.startsWith('/')) {
            return name;
        }
        const pieces = name.startsWith('/') ? [] : from.split('/').slice(0, -1);
        name.split('/').forEach((piece) => {
            if (piece === '..') {
                pieces.pop();
            } else if (piece !== '.') {
                pieces.push(piece);
            }
        });
        const path = pieces.join('/');
        return path.endsWith('.js') ? path : `${path}.js`;
    };

    /** A script's module. Every run loads its files anew, so nothing survives from one call to the next. */
    const require = (path, loaded) => {
        if (path.startsWith('N/')) {
            return ns.module(path);
        }
        if (loaded.has(path)) {
            return loaded.get(path);
        }
        const source = ns.files[path];
        if (source === undefined) {
            ns.fail('MODULE_DOES_NOT_EXIST', `Module does not exist: ${path}`);
        }
        let module;
        const define = (...given) => {
            const factory = given.pop();
            const names = Array.isArray(given[given.length - 1]) ? given.pop() : [];
            module = typeof factory === 'function' ? factory(...names.map((name) => require(resolve(path, name), loaded))) : factory;
        };
        // eslint-disable-next-line no-new-func
        new Function('define', 'log', 'util', source)(define, ns.module('N/log'), ns.module('N/util'));
        if (module === undefined) {
            ns.fail('INVALID_SCRIPT', `The script file ${path} defines no module.`);
        }
        loaded.set(path, module);
        return module;
    };

    const errorBody = (failure) => {
        if (failure instanceof ns.SuiteScriptError) {
            return { code: failure.name, message: JSON.stringify(failure) };
        }
        const error = new ns.SuiteScriptError({ name: failure.name || 'Error', message: failure.message || String(failure) });
        error.stack = String(failure.stack || '').split('\n').slice(1, 6).map((line) => line.trim());
        return { code: 'UNEXPECTED_ERROR', message: JSON.stringify(error) };
    };

    const call = ({ path, method, input }) => {
        const module = require(path, new Map());
        if (typeof module[method] !== 'function') {
            return { status: 405, body: { error: { code: 'SSS_INVALID_RETURN_DATA_FORMAT', message: `${method} is not implemented` } } };
        }
        return { status: 200, body: module[method](input) };
    };

    const text = (body) => (typeof body === 'string' ? body : body === undefined || body === null ? '' : JSON.stringify(body));

    /**
     * Runs one RESTlet call: `{ path, method, input, script, deployment }` as JSON.
     * Answers the HTTP status, the units used and the body, parted by line feeds.
     */
    ns.runRestlet = (request) => {
        const asked = JSON.parse(request);
        ns.running = { script: asked.script, deployment: asked.deployment, emptySearches: asked.emptySearches };
        const meter = ns.startMeter();
        const refuse = (failure) => ({ status: 400, body: { error: errorBody(failure) } });
        let answer;
        let body = '';
        try {
            answer = call(asked);
            body = text(answer.body);
        } catch (failure) {
            answer = refuse(failure);
        }
        if (meter.ended !== null) {
            answer = refuse(meter.ended);
        } else if (answer.status === 200 && ns.utf8Length(body) > ns.settings.outputBytes) {
            answer = refuse(new ns.SuiteScriptError({
                name: 'SSS_FILE_CONTENT_SIZE_EXCEEDED', message: 'The content of a RESTlet response may not exceed 10 MB.',
            }));
        }
        return `${answer.status}\n${meter.used}\n${answer.status === 200 ? body : JSON.stringify(answer.body)}`;
    };
})();
