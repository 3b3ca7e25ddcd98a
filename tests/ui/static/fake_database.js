// A small IndexedDB with one store of records that have a `key`. While `isFull`, every write fails.

const answered = (result) => {
  const request = { result };
  queueMicrotask(() => request.onsuccess?.());
  return request;
};

export class FakeDatabase {
  records = new Map();
  isFull = false;
  opened = 0;

  open() {
    this.opened += 1;
    return answered(this);
  }

  transaction(_, mode) {
    const transaction = { error: null }, { records } = this;
    const put = (record) => {
      if (this.isFull) throw new DOMException("full", "QuotaExceededError");
      records.set(record.key, record);
    };
    setTimeout(() => transaction.oncomplete?.(), 5);
    const store = {
      transaction, put, delete: (key) => records.delete(key),
      getAll: () => answered([...records.values()]), getAllKeys: () => answered([...records.keys()]),
    };
    return { mode, objectStore: () => store };
  }
}
