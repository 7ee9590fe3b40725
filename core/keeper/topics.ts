/** The nouns of the command line. */
export const topics = {
  worker: { description: 'Workers: inference engines on the devices of your machines' },
  model: { description: 'Models: to download, look at, verify and remove' },
  hive: { description: 'Hives: one per machine, they run the workers' },
  catalog: { description: 'Worker types that are installed on hives' },
  queen: { description: 'The queen: the daemon that knows the fleet and answers for it' },
  plugins: { description: 'Plugins: worker types as npm packages, to install, make and examine' },
  secret: { description: 'Secrets: tokens and keys that workers use by name' },
  job: { description: 'Jobs: what was asked for, and how it goes' },
};
