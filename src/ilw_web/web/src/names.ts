// Names of what lies in folders.
export function nameOf(path: string): string { return path.split('/').pop() ?? path; }
