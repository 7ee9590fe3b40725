/** The topics of the command line. */
export const topics = {
  worker: { description: 'Workers: inference engines on the devices of your machines' },
  model: { description: 'Models: download, list, verify and delete them' },
  hive: { description: 'Hives: the daemons that run the workers, one per machine' },
  catalog: { description: 'The worker types installed on hives' },
  queen: { description: 'The queen: the daemon that manages the fleet and serves its API' },
  plugins: { description: 'Plugins: npm packages with worker types; install, create and check them' },
  secret: { description: 'Secrets: tokens and keys that workers refer to by name' },
  key: { description: 'Keys: who may use the fleet over the network, and for what' },
  job: { description: 'Jobs: running and finished operations' },
};
