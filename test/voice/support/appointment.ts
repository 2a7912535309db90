/** The texts of a scripted call. */
export const GREETING = 'Hello, this is Anna from the clinic.';
export const QUESTION = 'When can I come';
export const ANSWER = 'Tuesday at nine is free. Wednesday at ten is free as well. Which one do you prefer?';
export const SENTENCES = ANSWER.split(/(?<=[.?]) /) as [string, string, string];
