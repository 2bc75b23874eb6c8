/**
 * The page on which an administrator installs the connector's saved searches: it shows the state of each, and a button creates the
 * missing ones and adds mandatory columns. `&format=json` answers the same as JSON.
 *
 * @NApiVersion 2.1
 * @NScriptType Suitelet
 * @NModuleScope SameAccount
 */
define(['./lib_install'], (installing) => {
    const STATES = {
        created: 'created',
        kept: 'there, left as it is',
        completed: 'there, mandatory columns added',
        missing: 'missing',
        incomplete: 'there, but lacks mandatory columns',
    };

    const escaped = (text) => String(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

    const remarks = ({ state, added, lacking, left_out: leftOut, reason }) => [
        state === 'completed' ? `added: ${added.join(', ')}` : null,
        state === 'incomplete' && lacking.length > 0 ? `lacks: ${lacking.join(', ')}` : null,
        leftOut.length > 0 ? `left out, unknown to this account: ${leftOut.join(', ')}` : null,
        reason || null,
    ].filter((part) => part !== null).join('; ');

    const rowOf = (each) => `<tr>${[each.title, each.id, STATES[each.state], remarks(each)]
        .map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;

    const isSound = ({ state }) => ['created', 'kept', 'completed'].includes(state);

    const pageOf = ({ searches, usage }) => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>NetSuite connector: installer</title><style>
body { font: 14px/1.5 sans-serif; margin: 2em; } table { border-collapse: collapse; margin: 1em 0; }
th, td { border: 1px solid #ccc; padding: .3em .7em; text-align: left; vertical-align: top; }
</style></head><body>
<h1>NetSuite connector: saved searches</h1>
<p>${searches.every(isSound) ? 'All saved searches are there.' : 'Some saved searches are missing or lack mandatory columns.'}
Installing creates the missing ones and adds mandatory columns; it never removes or changes anything else.</p>
<form method="post"><button type="submit">Install</button></form>
<table><tr><th>Search</th><th>Id</th><th>State</th><th>Remarks</th></tr>
${searches.map(rowOf).join('\n')}
</table>
<p>${usage} units used.</p>
</body></html>`;

    const onRequest = ({ request, response }) => {
        const outcome = request.method === 'POST' ? installing.install() : installing.look();
        const asJson = request.parameters.format === 'json';
        response.setHeader({ name: 'Content-Type', value: asJson ? 'application/json' : 'text/html; charset=utf-8' });
        response.write({ output: asJson ? JSON.stringify(outcome) : pageOf(outcome) });
    };

    return { onRequest };
});
