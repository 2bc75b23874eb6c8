// The account's records.
//
// A table holds its records in the order of their internal ids; a transaction holds its lines in the order of their keys.
// `version` moves with every change, so that what was worked out from the data can be told stale.
'use strict';

(() => {
    const TABLES = ['customer', 'contact', 'item', 'transaction', 'deletedrecord'];

    class Table {
        constructor(type) {
            this.type = type;
            this.records = [];
            this.byId = new Map();
        }

        /** Where the first record with an id above `id` is. */
        after(id) {
            let low = 0;
            let high = this.records.length;
            while (low < high) {
                const middle = (low + high) >> 1;
                if (this.records[middle].internalid > id) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            return low;
        }

        put(record) {
            if (record.lines) {
                record.lines.sort((one, other) => one.lineuniquekey - other.lineuniquekey);
            }
            const { internalid } = record;
            const last = this.records[this.records.length - 1];
            if (this.byId.has(internalid)) {
                this.records[this.after(internalid) - 1] = record;
            } else if (last === undefined || last.internalid < internalid) {
                this.records.push(record);
            } else {
                this.records.splice(this.after(internalid), 0, record);
            }
            this.byId.set(internalid, record);
        }

        remove(id) {
            this.records.splice(this.after(id) - 1, 1);
            this.byId.delete(id);
        }
    }

    const tables = {};
    TABLES.forEach((type) => { tables[type] = new Table(type); });

    const store = {
        tables,
        version: 0,
        lists: {}, // list id -> { value id: text }
        customFields: { customer: {}, contact: {}, item: {}, transaction: {}, deletedrecord: {} }, // field -> { type, list }
        fieldLists: { customer: {}, contact: {}, item: {}, transaction: {}, deletedrecord: {} }, // field -> list, in place of the usual
        searches: [],
        deletions: 0,
    };

    const table = (type) => tables[type] || ns.fail('RCRD_TYPE_UNKNOWN', `there is no record type ${type}`);

    const highest = (type, field) => table(type).records.reduce(
        (most, record) => Math.max(most, record[field] || 0, ...(record.lines || []).map((line) => line[field] || 0)), 0,
    );

    const nowToTheMinute = () => `${new Date().toISOString().slice(0, 16)}:00Z`;

    /** Adds a list of records as they are; used to fill the account. */
    const load = (type, records) => {
        records.forEach((record) => table(type).put(record));
        store.version += 1;
    };

    const create = (type, values) => {
        const now = nowToTheMinute();
        const shared = ['customer', 'contact'].includes(type) ? ['customer', 'contact'] : [type];
        const internalid = values.internalid === undefined
            ? Math.max(...shared.map((each) => highest(each, 'internalid'))) + 1 : Number(values.internalid);
        const stamps = type === 'item' ? { created: now } : { datecreated: now };
        const record = { ...stamps, lastmodifieddate: now, ...values, internalid };
        if (type === 'transaction') {
            let key = highest(type, 'lineuniquekey');
            record.lineuniquekey = record.lineuniquekey || (key += 1);
            record.lines = (values.lines || []).map((line, index) => (
                { line: index + 1, kind: 'item', ...line, lineuniquekey: line.lineuniquekey || (key += 1) }
            ));
        }
        load(type, [record]);
        return record;
    };

    const find = (type, id) => table(type).byId.get(Number(id)) || ns.fail('RCRD_DSNT_EXIST', 'That record does not exist.');

    /** Changes fields; the stamp of the last change moves unless it is given. */
    const update = (type, id, values) => {
        const record = { ...find(type, id), lastmodifieddate: nowToTheMinute(), ...values, internalid: Number(id) };
        load(type, [record]);
        return record;
    };

    const remove = (type, id, moment) => {
        const record = find(type, id);
        table(type).remove(Number(id));
        store.deletions += 1;
        load('deletedrecord', [{
            internalid: store.deletions,
            recordid: record.internalid,
            recordtype: ns.recordType(type, record),
            name: String(record.entityid || record.itemid || record.tranid || record.internalid),
            externalid: record.externalid || null,
            deletedby: String(ns.settings.user.id),
            context: 'User Interface',
            deleteddate: moment || nowToTheMinute(),
        }]);
    };

    /** Empties a table, as if its records had never been. */
    const clear = (type) => {
        tables[type] = new Table(type);
        store.version += 1;
    };

    ns.store = Object.assign(store, { clear, load, create, find, update, remove, highest, table });
})();
