// What generated items have below them: prices, stock by location and web store categories; and how stock changes.
'use strict';

(() => {
    const { cents } = ns.chance;

    const RATES = { 1: 1, 2: 1.27, 3: 1.09 }; // worth of a currency's unit in the base currency
    // Price levels beside the base price: share of it, and quantities from which a smaller share holds.
    const LEVELS = [['1', 1, []], ['5', 0.95, []], ['2', 0.7, [[10, 0.65], [50, 0.6]]]];

    const steps = (breaks) => breaks.map(([from, share], index) => {
        const until = index + 1 < breaks.length ? breaks[index + 1][0] - 1 : null;
        return { share, minimumquantity: from, maximumquantity: until, quantityrange: until === null ? `${from}+` : `${from} - ${until}` };
    });

    /** The prices of an item by level, currency and quantity. */
    const prices = (baseprice) => {
        if (baseprice === null) {
            return [];
        }
        return LEVELS.flatMap(([pricelevel, whole, breaks]) => Object.keys(RATES).flatMap((currency) => (
            steps([[0, whole], ...breaks]).map(({ share, ...range }) => (
                { pricelevel, currency, unitprice: cents((baseprice * share) / RATES[currency]), ...range, customer: null }
            ))
        )));
    };

    const stockOf = (location, available, committed) => ({
        inventorylocation: location, locationquantityavailable: available, locationquantityonhand: available + committed,
        locationquantitycommitted: committed, locationquantitybackordered: available === 0 ? committed : 0, locationquantityonorder: 0,
    });

    /** What there is of an item at each location; it adds up to `available`. */
    const stock = (luck, available) => {
        const locations = Object.keys(ns.words.lists.location);
        let left = available;
        return locations.map((location, index) => {
            const here = index === locations.length - 1 ? left : Math.floor(left * luck.next());
            left -= here;
            return stockOf(location, here, luck.below(4));
        });
    };

    const categories = (luck, name) => {
        const kind = ns.words.categories.findIndex(([, words]) => words.some((word) => name.endsWith(word)));
        const places = [kind < 0 ? ns.words.categories.length - 1 : kind];
        if (luck.holds(0.2)) {
            places.push(ns.words.categories.length); // the last is for offers
        }
        return places.map((place, index) => ({
            commercecategoryid: place + 1,
            commercecategoryname: place < ns.words.categories.length ? ns.words.categories[place][0] : 'Offers',
            commercecategoryisprimary: index === 0,
            commercecategoryisinactive: false,
            commercecatalogid: 1,
            commercecatalogname: 'Default Catalog',
        }));
    };

    // ---- changes ------------------------------------------------------------------------------------------------------------

    const STOCK_FIELDS = ['quantityavailable', 'quantityonhand', 'stock'];
    const total = (entries) => entries.reduce((sum, { locationquantityavailable }) => sum + (locationquantityavailable || 0), 0);

    /**
     * What else changes when an item is given `values`: a movement of stock has a stamp of its own and is no change of the item.
     * Total and locations stay in step; a new total is booked at the first location.
     */
    const change = (item, values, now) => {
        const names = Object.keys(values);
        const moved = names.filter((name) => STOCK_FIELDS.includes(name));
        const stamps = moved.length > 0 && moved.length === names.length ? {} : { lastmodifieddate: now };
        if (moved.length === 0) {
            return stamps;
        }
        stamps.lastquantityavailablechange = now;
        if (values.stock !== undefined) {
            stamps.quantityavailable = total(values.stock);
        } else if (values.quantityavailable !== undefined && item.stock !== undefined && item.stock.length > 0) {
            const [first, ...others] = item.stock;
            const here = (values.quantityavailable || 0) - total(others);
            stamps.stock = [{ ...first, locationquantityavailable: here }, ...others];
        }
        return stamps;
    };

    ns.shelves = { categories, prices, stock };
    ns.stock = { change };
})();
