/** Sizes and counts that outsiders meet (correctness.md §8). Bytes unless the name says otherwise. */
export const LIMITS = {
  eventDataBytes: 256 * 1024,
  requestBytes: 4 * 1024 * 1024,
  batchEvents: 1_000,
  attributeChars: 1_024,
  renderedBodyBytes: 1024 * 1024,
  responseReadBytes: 64 * 1024,
  responseKeptBytes: 1024,
  recordBytes: 4 * 1024 * 1024,
  rejectedRecordBytes: 5 * 1024 * 1024,
  jsonDepth: 64,
  webhooksPerAccount: 10_000,
} as const;
