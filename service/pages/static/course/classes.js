// The classes of the course, in order: their texts, the command that trains, the models that show it, the demonstrations.

import { FIRST } from "./classes_first.js";
import { SECOND } from "./classes_second.js";

/**
 * @typedef {{title: string, lead: string, text: string[]}} Text
 * @typedef {{en: Text, es: Text, command: string, models: string[], demos: string[]}} Class
 */

/** @type {Class[]} */
export const CLASSES = [...FIRST, ...SECOND];
