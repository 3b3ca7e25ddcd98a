// IndexedDB: the result of a request, or the end of a transaction, as a promise.

export const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = request.oncomplete = () => resolve(request.result);
  request.onerror = request.onabort = request.onblocked = () => reject(request.error);
});
