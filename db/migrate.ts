import { readConfig } from '../config.js';
import { migrateDatabase } from './migrations.js';

const { database } = readConfig();
await migrateDatabase(database.migrationUrl, database.url);
