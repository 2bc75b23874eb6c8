// Lists below a record whose rows a search gives one by one: an item's prices, its stock by location, its web store categories, and a
// customer's addresses.
//
// A search that uses a column or filter of such a list has a row for each of its entries, and for each combination where it uses
// several lists; a record whose list is empty has one row without values. The row's entries are what field.read is given in place of a
// transaction's line: `{ stock: entry, … }`, or undefined where a search uses no list.
'use strict';

(() => {
    const STOCK = 'location';
    // Columns of the catalogue whose names begin like a list's but belong to the item.
    const NO_STOCK = ['location', 'locationnohierarchy'];

    const LISTS = {
        item: {
            stock: (name) => name === 'inventorylocation' || (name.startsWith(STOCK) && !NO_STOCK.includes(name)),
            categories: (name) => name.startsWith('commercecategory') || name.startsWith('commercecatalog'),
        },
        customer: {
            addresses: (name) => ['address', 'addressee', 'addressinternalid', 'addresslabel', 'addressphone', 'attention', 'city',
                'country', 'countrycode', 'isdefaultbilling', 'isdefaultshipping', 'state', 'statedisplayname', 'zipcode'].includes(name),
        },
    };
    // Joins that are lists: what a search type calls them, and the catalogue's entry with their fields.
    const JOINED = { item: { pricing: 'pricing' } };

    /** The list that a field of a table belongs to, or null. */
    const listOf = (type, name) => Object.keys(LISTS[type] || {}).find((list) => LISTS[type][list](name)) || null;

    /** The list that a join of a table stands for, or null. */
    const joinedList = (type, join) => (JOINED[type] || {})[join] || null;

    // A customer that was given no list of addresses has the one that stands in the record itself.
    const own = (name) => {
        if (name === 'isdefaultbilling' || name === 'isdefaultshipping') {
            return (record) => Boolean(record.city || record.state || record.zipcode || record.country || record.countrycode);
        }
        return (record) => record[name];
    };

    /** How a field of a list is read off a row; where there is no row, as through a join, off the list's first entry. */
    const reader = (list, name) => {
        const key = name === 'statedisplayname' ? 'state' : name;
        const single = list === 'addresses' ? own(key) : () => null;
        return (record, row) => {
            const entries = record[list];
            if (entries === undefined) {
                return single(record);
            }
            const entry = row === undefined ? entries[0] : row[list];
            return entry === undefined ? null : entry[key];
        };
    };

    /** The rows of a record as entries of the given lists. */
    const rowsOf = (record, lists) => lists.reduce((rows, list) => {
        const entries = record[list];
        return entries === undefined || entries.length === 0 ? rows
            : rows.flatMap((row) => entries.map((entry) => ({ ...row, [list]: entry })));
    }, [{}]);

    ns.lists = { joinedList, listOf, reader, rowsOf };
})();
