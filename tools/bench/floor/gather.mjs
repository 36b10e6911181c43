/** As the product (docs/adr/0047). */
export const GATHER_MS = 20;

/** What comes within 20 ms is written together: the returned function resolves when `write(items)`, with its item, has. */
export function gather(write) {
  let items = [];
  let written;
  return (item) => {
    items.push(item);
    written ??= new Promise((resolve, reject) => {
      setTimeout(() => {
        const all = items;
        items = [];
        written = undefined;
        write(all).then(resolve, reject);
      }, GATHER_MS);
    });
    return written;
  };
}
