/**
 * Writes an outbox entry after a record has been saved or deleted, so that the connector hears of it within minutes.
 *
 * Runs after the save and throws nothing: whatever fails here is logged, and the next scheduled run finds the record anyway.
 * Costs 6 units, 12 where one save means two things, 16 for the deletion of a customer or contact (docs/netsuite/user-event.md).
 *
 * @NApiVersion 2.1
 * @NScriptType UserEventScript
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/record', 'N/search'], (log, record, search) => {
    const OUTBOX = 'customrecord_nsk_outbox';
    // Records that can be merged, and the search type in which their duplicates are found.
    const FAMILIES = { customer: 'customer', lead: 'customer', prospect: 'customer', contact: 'contact' };
    const CREATIONS = ['create', 'copy'];

    const isEmpty = (value) => value === undefined || value === null || value === '';

    const valueOf = (given, fieldId) => (given ? given.getValue({ fieldId }) : null);

    const isSet = (value) => value === true || value === 'T';

    // An inline edit knows only the fields that it touched; the others are empty in the new record.
    const isConverted = ({ newRecord, oldRecord }, type) => {
        if (FAMILIES[type] !== 'customer' || !oldRecord) {
            return false;
        }
        const [before, now] = [valueOf(oldRecord, 'stage'), valueOf(newRecord, 'stage')];
        return oldRecord.type !== newRecord.type || (!isEmpty(before) && !isEmpty(now) && before !== now);
    };

    /** What an edit means: one event or two. */
    const eventsOfEdit = (context, type) => {
        const events = [];
        if (isConverted(context, type)) {
            events.push('convert');
        }
        const inactive = valueOf(context.newRecord, 'isinactive');
        if (!isEmpty(inactive) && isSet(inactive) !== isSet(valueOf(context.oldRecord, 'isinactive'))) {
            events.push(isSet(inactive) ? 'inactivate' : 'activate');
        }
        return events.length === 0 ? ['edit'] : events;
    };

    /** The record that remains when duplicates are merged: the oldest other one with the same e-mail address, or null. */
    const remaining = (context, type, id) => {
        const email = FAMILIES[type] === undefined ? null : valueOf(context.oldRecord || context.newRecord, 'email');
        if (isEmpty(email)) {
            return null;
        }
        const found = search.create({
            type: FAMILIES[type],
            filters: [['email', 'is', email], 'AND', ['internalid', 'noneof', String(id)]],
            columns: [search.createColumn({ name: 'internalid', sort: search.Sort.ASC })],
        }).run().getRange({ start: 0, end: 1 });
        return found.length === 0 ? null : Number(found[0].id);
    };

    const write = (type, id, event, into) => {
        const entry = record.create({ type: OUTBOX });
        const set = (name, value) => entry.setValue({ fieldId: `custrecord_nsk_out_${name}`, value });
        set('type', type);
        set('record', id);
        set('event', event);
        if (into !== null) {
            set('into', into);
        }
        set('at', `${new Date().toISOString().slice(0, 19)}Z`);
        entry.save();
    };

    const note = (context, type, id) => {
        if (context.type === 'delete') {
            const into = remaining(context, type, id);
            write(type, id, into === null ? 'delete' : 'merge', into);
        } else if (CREATIONS.includes(context.type)) {
            write(type, id, 'create', null);
        } else {
            eventsOfEdit(context, type).forEach((event) => write(type, id, event, null));
        }
    };

    const afterSubmit = (context) => {
        let what = 'a record';
        try {
            const { type, id } = context.newRecord || context.oldRecord;
            what = `${type} ${id}`;
            note(context, type, Number(id));
        } catch (failure) {
            log.error({ title: 'No outbox entry', details: `${context.type} of ${what}: ${failure.name}: ${failure.message}` });
        }
    };

    return { afterSubmit };
});
