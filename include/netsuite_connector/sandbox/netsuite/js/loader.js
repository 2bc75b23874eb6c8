// Loads the SuiteCloud project's scripts (AMD: define) as NetSuite would.
'use strict';

(() => {
    ns.files = {}; // File Cabinet path -> text
    const compiled = new Map(); // path -> [source, function]

    /** The File Cabinet path that a script at `from` means by `name`. */
    ns.resolvePath = (from, name) => {
        const pieces = name.startsWith('.') ? from.split('/').slice(0, -1) : [''];
        name.split('/').forEach((piece) => {
            if (piece === '..') {
                pieces.pop();
            } else if (piece !== '.' && piece !== '') {
                pieces.push(piece);
            }
        });
        return pieces.join('/');
    };

    const resolve = (from, name) => {
        if (!name.startsWith('.') && !name.startsWith('/')) {
            return name;
        }
        const path = ns.resolvePath(from, name);
        return path.endsWith('.js') ? path : `${path}.js`;
    };

    const compile = (path) => {
        const source = ns.files[path];
        if (source === undefined) {
            ns.fail('MODULE_DOES_NOT_EXIST', `Module does not exist: ${path}`);
        }
        const known = compiled.get(path);
        if (known !== undefined && known[0] === source) {
            return known[1];
        }
        // eslint-disable-next-line no-new-func
        const run = new Function('define', 'log', 'util', source);
        compiled.set(path, [source, run]);
        return run;
    };

    const require = (path, loaded) => {
        if (path.startsWith('N/')) {
            return ns.module(path);
        }
        if (loaded.has(path)) {
            return loaded.get(path);
        }
        const run = compile(path);
        let module;
        const define = (...given) => {
            const factory = given.pop();
            const names = Array.isArray(given[given.length - 1]) ? given.pop() : [];
            module = typeof factory === 'function' ? factory(...names.map((name) => require(resolve(path, name), loaded))) : factory;
        };
        run(define, ns.module('N/log'), ns.module('N/util'));
        if (module === undefined) {
            ns.fail('INVALID_SCRIPT', `The script file ${path} defines no module.`);
        }
        loaded.set(path, module);
        return module;
    };

    /** A script's module. Every run loads its files anew, so nothing survives from one call to the next. */
    ns.loadScript = (path) => require(path, new Map());

    /** An error as the platform tells it: `{ code, message }`, where the message is JSON itself. */
    ns.errorBody = (failure) => {
        if (failure instanceof ns.SuiteScriptError) {
            return { code: failure.name, message: JSON.stringify(failure) };
        }
        const error = new ns.SuiteScriptError({ name: failure.name || 'Error', message: failure.message || String(failure) });
        error.stack = String(failure.stack || '').split('\n').slice(1, 6).map((line) => line.trim());
        return { code: 'UNEXPECTED_ERROR', message: JSON.stringify(error) };
    };
})();
