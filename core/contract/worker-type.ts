/**
 * The WorkerType contract: what an engine's plugin tells rbee.
 *
 * A worker type is data and pure functions. It describes; the hive does. No function here may touch a file, a process,
 * a socket, the clock or a random source: the hive evaluates them in a child process that is refused all of that, with a
 * deadline, and only plain (JSON) data passes between the two. The same arguments must always give the same answer.
 *
 * Required: `name`, `apiVersion`, `serves`, `variants`, `command`, `health`. Every other member is optional: leaving it
 * out means that the engine does not have that ability.
 */
export interface WorkerType {
  /** Identity: lower-case letters, digits and dashes; what users write after `--type`. Equal to its key in the manifest. */
  name: string;
  /** The version of the contract that this type is written for. A hive refuses a plugin of another one, by name. */
  apiVersion: 1;
  /** One line for lists: what the engine is. */
  summary?: string;
  /**
   * The HTTP paths that workers of this type can answer: all of them, whatever program runs and whatever the options are.
   * The queen forwards exactly the methods, paths and content types that a worker serves, by the request's `model`.
   */
  serves: readonly ServedPath[];
  /**
   * Paths of `serves` that one worker does not serve, beside those whose `needs` are not met: because its build, its model
   * or its options lack what they take. Called before every spawn.
   */
  unserved?(launch: PreparedLaunch): readonly UnservedPath[];
  /** What a worker's model can do, for lists and for clients that choose by it. Called before every spawn. */
  abilities?(launch: PreparedLaunch): Abilities;
  /** How many requests a worker computes at the same time, at least 1. Called before every spawn. */
  slots?(options: Readonly<Record<string, unknown>>): number;
  /**
   * How to ask the engine itself how much memory a worker will take: a program that ends by itself and loads no model.
   * `undefined` where it cannot tell. Called before every spawn; the hive keeps the question with the worker. Comes
   * together with `readForecast`.
   */
  forecast?(launch: PreparedLaunch): ForecastQuestion | undefined;
  /** Reads the answer to `forecast`, also after a non-zero exit. `undefined` when it says nothing of use. */
  readForecast?(output: ProgramOutput): MemoryForecast | undefined;
  /** What the type loads. Absent: the type needs no model. */
  models?: ModelSupport;
  /** JSON Schema (type `object`) of the type's own options; each property has a `default` and a one-line `description`. */
  options?: OptionsSchema;
  /**
   * Variables of the environment that users may set for the engine with `--env NAME=VALUE`; a value may be `secret:NAME`.
   * No others reach it but those of `command` and of the device. Names of rbee (`RBEE_…`) are refused.
   */
  environment?: readonly string[];
  /** The builds of this type, at least one. The first variant that fits a device drives it. */
  variants: readonly Variant[];
  /**
   * The command line of one worker, made before every start, also after a crash (perhaps with another port).
   *
   * As data it is the list of arguments, or a `Command`, with placeholders: `{port}`, `{host}`, `{model}`,
   * `{model.COMPONENT}`, `{name}` (the first of its names), `{names}` (all, with commas between), `{option.NAME}`,
   * `{device}` (`cuda:0,1`), `{indices}` (`0,1`), `{variant}`, `{id}`, `{program}`, and in `env` alone `{apiKey}`. Each is
   * one argument or a part of one, whatever is in it. The arguments of `deviceFlags` follow. A variable of `env` that is
   * `{option.NAME}` and nothing else is left out where the option has no value, as a secret may.
   *
   * A function is pure: it may not look whether files exist; the hive has done that.
   */
  command: readonly string[] | Command | ((launch: Launch) => Command);
  /** How the hive learns that a worker is loading, ready, or broken. */
  health: HealthContract;
  /**
   * Questions to put to the host or the engine's program before a spawn; the parsed answers reach `fits`, `checkOptions`
   * and `command`.
   */
  probes?: readonly Probe[];
  /**
   * Devices that rbee does not know, each kind with the program that tells of them. The manifest lists the kinds; only one
   * package of a machine may bring a kind. A hive asks whenever it measures its machine, also when no worker runs.
   */
  devices?: readonly DeviceProbe[];
  /** A server of the plugin's own in front of an engine that does not speak the public shape. */
  adapter?: Adapter;
  /**
   * True when the engine cannot check an API key: it answers every user of its machine who finds its port. Say so in the
   * plugin's README as well. An adapter that checks the key is better, if it is all that listens on a port.
   */
  keyless?: boolean;
  /** How a worker is asked to end. Absent: SIGTERM, two seconds, SIGKILL. */
  stop?: StopContract;
  /** Memory that a worker will need, for placement and for the check before a spawn. Called before every spawn. */
  estimate?(model: ModelFacts, launch: LaunchRequest): MemoryEstimate;
  /**
   * Options that the program that was found cannot obey, for example because this build of it lacks a flag. Called before
   * a spawn, once program and device are chosen; each problem is shown and the spawn is refused.
   */
  checkOptions?(launch: LaunchRequest): readonly OptionProblem[];
  /** Where a worker's metrics tell how busy it is. */
  load?: LoadContract;
  /**
   * Names under which a worker answers beside its model's own, such as those of adapters that its options name. They
   * reach `command` as the further ones of `launch.names`, and requests keep them. Called before every spawn.
   */
  aliases?(options: Readonly<Record<string, unknown>>): readonly string[];
  /**
   * Which files of a model repository to download: a repository often holds the same weights several times, for other
   * precisions or programs. Called once per download, with the worker's options where there are any (else the defaults).
   * Absent: one quantization of a GGUF repository, all files that are no alternative weights of any other.
   */
  selectFiles?(files: readonly RepositoryFile[], options: Readonly<Record<string, unknown>>): readonly string[];
  /**
   * What the engine's last words mean, as a table: when a worker ends or is given up without being asked to stop, the
   * first rule that fits says why. Put the more telling words first; engines often print a general line after them.
   */
  failures?: readonly FailureRule[];
  /**
   * For last words that no rule can describe. Called only when no rule of `failures` fits. Answer `undefined` when nothing
   * is recognised: the hive then looks for the words of the operating system.
   */
  diagnose?(failure: Failure): Diagnosis | undefined;
}

/** What a path is for, so that generic tools (`rbee infer`, the model list) can choose. */
export type ServedKind =
  | 'chat'
  | 'completion'
  | 'embedding'
  | 'rerank'
  | 'transcription'
  | 'translation'
  | 'speech'
  | 'image'
  | 'other';

/** Methods that are passed on to workers. */
export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface ServedPath {
  /**
   * Absolute HTTP path, without a query: `/v1/chat/completions`. `{name}` stands for one segment (`/v1/batches/{batch}`);
   * with `/*` at its end it is every path below. Each path is named once.
   */
  path: string;
  /** HTTP methods; POST when absent. `any` is GET and POST. */
  method?: HttpMethod | 'any' | readonly HttpMethod[];
  /**
   * What it is for. Requests to a path of kind `other` need not name a model: they go to the one that serves the path, as
   * long as there is just one. Answers are passed on unchanged, except for errors of the other kinds: they get the shape of
   * OpenAI's errors, whole and in streams.
   */
  kind: ServedKind;
  /**
   * Content types that a request's body may have, without parameters: `audio/wav`, `audio/*`, or `*` for all. Absent: JSON, and for
   * transcriptions, translations, images and `other` also `multipart/form-data`. The model is looked for in JSON and in
   * forms; requests of other types name it in the query.
   */
  accepts?: readonly string[];
  /**
   * Ids that an answer of this path makes: the `{name}` of the paths that use such an id, and the field of the JSON answer
   * that holds it, with dots for a field inside (`{ batch: 'id' }`, `{ file: 'data.id' }`). Later requests whose path has
   * the id go to the worker that made it, and need not name a model. Ids must not repeat between workers: use random ones.
   */
  affinity?: Readonly<Record<string, string>>;
  /** What a worker must have to serve this path. Absent: every worker of the type serves it. */
  needs?: PathNeeds;
}

export interface PathNeeds {
  /** Ids of the binary sources that serve it; one of them must run. */
  engine?: string | readonly string[];
  /** Name of an option of the type that must be `true`. */
  option?: string;
}

export interface UnservedPath {
  /** As in `serves`. */
  path: string;
  /** One sentence: what would serve it. "Start it with rerank=true." */
  hint: string;
}

/** What a model can do as its worker runs it. What is not known is absent; a type may add names of its own. */
export interface Abilities {
  /** It takes images. */
  vision?: boolean;
  /** It takes sound. */
  audio?: boolean;
  /** It calls tools. */
  tools?: boolean;
  /** Tokens of prompt and answer together. */
  contextLength?: number;
  /** Numbers of one embedding. */
  dimensions?: number;
  [name: string]: boolean | number | undefined;
}

export interface ModelSupport {
  /** Formats that the type loads; the hive compares them with what it finds at the reference. */
  formats: readonly ModelFormat[];
  /** Named parts beside the main file (mmproj, vae, lora, draft). Absent: just the main file. */
  components?: Readonly<Record<string, { required: boolean; formats?: readonly ModelFormat[]; description: string }>>;
  /** A tiny model in the plugin's package, relative to its root, that `--model demo` means. */
  demo?: string;
  /** The type runs without a model too (its own default, or models chosen per request). */
  optional?: boolean;
}

/** A file or folder layout that the hive can recognise without the engine. Others may be named; they are not checked. */
export type ModelFormat = 'gguf' | 'safetensors' | 'safetensors-dir' | 'onnx' | 'onnx-dir' | 'ggml' | (string & {});

/** The subset of JSON Schema that the type's options may use. */
export interface OptionsSchema {
  type: 'object';
  properties: Readonly<Record<string, OptionSchema>>;
  /** Not accepted: `required`. An option without a value takes its default. */
  additionalProperties?: false;
}

export interface OptionSchema {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  /** One line, shown in help and in the plugin's README. */
  description: string;
  default?: string | number | boolean | readonly string[];
  /**
   * A secret, such as a token: of type `string`, without default, choice or pattern. Users store the value with
   * `rbee secret set NAME` and give `secret:NAME`; the value itself is refused. The type sees that reference alone, in
   * `launch.options`, and passes it on by `env` or by `launch.secretFiles`; never among the arguments, which every user
   * of the machine can read.
   */
  secret?: boolean;
  enum?: readonly (string | number)[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
  items?: { type: 'string' | 'integer' | 'number' };
}

/** Operating systems and processors, in Node's words. */
export interface Platform {
  os: 'linux' | 'darwin' | 'win32' | (string & {});
  cpu: 'x64' | 'arm64' | (string & {});
  libc?: 'glibc' | 'musl';
}

/** An operating system and a processor, and where it matters the C library: `linux-x64`, `linux-x64-glibc`. */
export type PlatformName = `${string}-${string}`;

export interface Variant {
  /** `cpu`, `cuda`, `rocm`, `vulkan`, `metal`, or a new name. */
  id: string;
  /**
   * The kinds of device that this build drives (`cuda` drives `cuda:0`). Absent: the kind that it `binds`, else the kind
   * named like the variant.
   */
  devices?: readonly string[];
  /**
   * The kind of device whose usual environment binds the engine to its own devices: `CUDA_VISIBLE_DEVICES` with
   * `CUDA_DEVICE_ORDER`, `HIP_VISIBLE_DEVICES`, `GGML_VK_VISIBLE_DEVICES`; `cpu` hides all GPUs from it; `metal` needs
   * nothing. A variant for GPUs has `binds`, `deviceFlags`, or both.
   */
  binds?: 'cpu' | 'cuda' | 'rocm' | 'vulkan' | 'metal';
  /** Platforms that it is built for. Absent: all. */
  platforms?: readonly PlatformName[];
  /**
   * Does it run on this host? Called before a spawn and for `inspect`; every reason is shown. Before a program is
   * installed it is also asked whether that is worth it, then without the answers of `$binary` probes. `usual` is the
   * answer without this function: it fits a host of its platforms that has a device of its kinds without a fault.
   */
  fits?(host: HostFacts, usual: Fit): Fit;
  /**
   * Device flags: the arguments and environment that bind the engine to this device and to no other. Variables are added
   * to those of `binds`, and win over them.
   */
  deviceFlags?: Partial<DeviceFlags> | ((device: Device) => Partial<DeviceFlags>);
  /**
   * Binary resolution: where the engine's program can come from, in order of preference; a list when that is always the
   * same. The hive takes the first source
   * that is there, else the first that can be installed. An option of the type may change the order. Asked again once
   * the model is here, where its format was not known before; a worker runs with the last answer.
   */
  resolveBinary: readonly BinarySource[] | ((request: BinaryRequest) => readonly BinarySource[]);
  /**
   * npm packages that this build needs or must leave out (a CPU host must not download CUDA libraries). `on` adds to them
   * on one platform, named `os-cpu` as in `linux-x64`.
   */
  packages?: VariantPackages & { on?: Readonly<Record<string, VariantPackages>> };
}

export interface VariantPackages {
  /** Kept although they are left out otherwise. With a version (`name@1.2.3`) they are installed even if nothing asks for them. */
  include?: readonly string[];
  /** Replaced by an empty package, however deep in the tree they are asked for. */
  leaveOut?: readonly string[];
  /**
   * Files and folders inside packages, by the package's name, that are removed after the installation: some packages carry
   * the binaries of every platform. Paths are relative, with `/`.
   */
  leaveOutFiles?: Readonly<Record<string, readonly string[]>>;
}

/** What binds an engine to a device. */
export interface DeviceFlags {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

export type Fit = { fits: true } | { fits: false; reasons: readonly string[] };

/** What the hive knows of its machine. Sizes in bytes. */
export interface HostFacts {
  platform: Platform;
  /** Major glibc version and so on, as `2.36`; absent where it is not known. */
  libcVersion?: string;
  cpu: { model: string; cores: number };
  memory: { total: number; available: number };
  devices: readonly DeviceFacts[];
  /** NVIDIA driver's highest CUDA version, such as `13.0`. */
  cudaDriver?: string;
  /** Answers of the type's probes, by probe id; a probe that could not run is absent. */
  probes: Readonly<Record<string, unknown>>;
}

/** One device of a machine. Sizes in bytes; memory is absent where the system does not tell. */
export interface DeviceFacts {
  /** `cpu`, `cuda:0`, `rocm:1`. */
  id: string;
  kind: string;
  name: string;
  memory?: { total: number; free: number };
  /** Vendor's identity (GPU-…), for people. */
  uuid?: string;
  busId?: string;
  /** Share of time in use, 0 to 1. */
  utilization?: number;
  driver?: string;
  computeCapability?: string;
  /** Why the device cannot be used, if so. */
  fault?: string;
}

export interface BinaryRequest {
  platform: Platform;
  /** Version of the plugin. */
  version: string;
  /** The worker's options, with defaults filled in. */
  options: Readonly<Record<string, unknown>>;
  /**
   * The model that is to be loaded, for types whose programs load different formats. Absent for workers without a model,
   * and as long as its format is not known: then every program that may come to be used is named.
   */
  model?: { format: ModelFormat };
}

/**
 * Where a program comes from. `id` names the engine to the type's own code and to people (`llama-server`, `builtin`).
 * What is not on the machine yet is installed before a spawn, once for all workers that need the same.
 */
export type BinarySource = ProgramSource & {
  /**
   * What this program needs beside itself: steps that are taken once after it was found or installed, such as making a
   * Python environment and filling it for the device of the variant. Part of the answer of `resolveBinary`, so that they
   * may depend on the variant and the options.
   */
  prepare?: readonly PrepareStep[];
};

/** The kinds of places that programs come from. */
export type ProgramSource =
  /**
   * A script of the plugin, relative to its root, run with the hive's own Node. Not there unless all npm packages of
   * `requires` can be resolved from the plugin (a platform package that only some variants need).
   */
  | { kind: 'module'; id: string; script: string; requires?: readonly string[] }
  /** A program that the machine has: named by an environment variable of the hive, or found on its PATH. */
  | { kind: 'path'; id: string; program: string; variable?: string }
  /**
   * A release archive. `member` is the program's path in the unpacked folder, after `strip`; `overlays` are archives that
   * are unpacked into the same folder, later ones over earlier ones (libraries that are released by themselves).
   * `{version}` in `url` and `member` is the plugin's version.
   */
  | ({ kind: 'archive'; id: string; member: string; overlays?: readonly ArchiveFile[] } & ArchiveFile)
  /** A program of an npm package: its exact version, and the name of the program in its `bin`. No install scripts run. */
  | { kind: 'npm'; id: string; package: string; version: string; bin: string }
  /**
   * A program in a Python environment of its own. `requirement` as pip takes it (a relative path is one in the plugin),
   * `entryPoint` is a program that it installs, `python` the version of Python (`3.12`), any when absent. `indexes` are
   * package indexes to search beside the usual one.
   */
  | {
      kind: 'python';
      id: string;
      requirement: string;
      entryPoint: string;
      python?: string;
      indexes?: readonly string[];
    };

/** A file to download: nothing of it is used unless its SHA-256 (64 hexadecimal digits) is the one given here. */
export interface ArchiveFile {
  /** http or https. */
  url: string;
  sha256: string;
  /**
   * The archive format; detected by its first bytes when absent. `file` is no archive but the program itself, named as
   * the last part of the URL.
   */
  format?: 'tar' | 'tar.gz' | 'tar.xz' | 'tar.zst' | 'zip' | 'file';
  /** Leading folders to leave out of each name in the archive. 0 when absent. */
  strip?: number;
}

/** A program that is there. */
export interface ResolvedBinary {
  /** `id` of the source. */
  id: string;
  kind: BinarySource['kind'];
  /** Absolute path of the program or script. */
  path: string;
  /** What the hive starts, before the arguments of `command`: the program itself, or Node and the script. */
  argv: readonly string[];
  /** The folder that the steps of `prepare` worked in; the Python environment, if there is one, is `venv` in it. */
  environment?: string;
}

/** The request for a worker, as far as `estimate` and `checkOptions` may see it. */
export interface LaunchRequest {
  variant: string;
  device: Device;
  options: Readonly<Record<string, unknown>>;
  binary: { id: string };
  /** Answers of the type's probes, by probe id; a probe that could not run is absent. */
  probes?: Readonly<Record<string, unknown>>;
}

/** A launch as far as it is decided before the worker has a port: what it will serve and can do follows from this. */
export interface PreparedLaunch extends LaunchRequest {
  binary: ResolvedBinary;
  /** What `deviceFlags` gave for this device. */
  deviceFlags: { args: readonly string[]; env: Readonly<Record<string, string>> };
  /** Absolute path of each model component. */
  models: Readonly<Record<string, string>>;
  /** What was read from the main model; absent for a worker without one. */
  model?: ModelFacts;
}

export interface OptionProblem {
  /** Name of the option. */
  option: string;
  /** What is wrong with it, as the end of a sentence: "llama-server b4000 has no flag for it". */
  problem: string;
  /** One sentence: what to try. */
  hint: string;
}

/** Everything that one start of a worker is made from. */
export interface Launch extends LaunchRequest {
  /** The worker's id. */
  id: string;
  binary: ResolvedBinary;
  /** What `deviceFlags` gave for this device. The type decides where in its command line they go. */
  deviceFlags: DeviceFlags;
  /** Absolute path of each model component; `main` is there whenever the type needs a model. */
  models: Readonly<Record<string, string>>;
  /** All names under which the model is asked for; the first is the one to answer with. */
  names: readonly string[];
  /** Loopback address and port to listen on. */
  host: string;
  port: number;
  /**
   * The private file with the value of each secret option that was given, by option, for an engine that reads a secret from
   * a file. For one that reads it from its environment, put the option itself into `env`: `{ TOKEN: options.token }` holds
   * `secret:NAME`, and the hive puts the value in its place when it starts the process. Absent: none was given.
   */
  secretFiles?: Readonly<Record<string, string>>;
  /** Secret that requests will carry as `Authorization: Bearer …`. Put it in the environment, never in the arguments. */
  apiKey: string;
}

/** Arguments after the program, and what the environment gets on top of the hive's clean one. */
export interface Command {
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Working folder; the worker's own folder when absent. */
  cwd?: string;
}

/**
 * A server of the plugin's that owns the engine. The hive starts the script with its own Node and the arguments of
 * `command`, which hand on what the script needs to start the engine (`launch.binary.argv`) in the same process group.
 */
export interface Adapter {
  /** Script relative to the package root. */
  script: string;
  /** Ids of the binary sources that need it. Absent: all. */
  for?: readonly string[];
}

export interface HealthContract {
  /**
   * How readiness shows. `poll`: a GET of `path` (every 40 ms for 10 s, then every 250 ms, and at once on each new log
   * line). `callback`: the worker posts to the hive; `@rbee/worker-server` does. `log`: a line of its log matches
   * `pattern` (a regular expression); `example` is such a line, as the engine prints it.
   */
  ready: { mode: 'poll'; path: string } | { mode: 'callback' } | { mode: 'log'; pattern: string; example: string };
  /** HTTP statuses of the polled path that mean "loading, go on waiting". 503 when absent. */
  loadingStatus?: readonly number[];
  /** HTTP statuses of the polled path that mean that it will never become ready. None when absent. */
  failedStatus?: readonly number[];
  /** A line of the log that shows how far loading is: a regular expression whose group `percent` is 0 to 100. */
  progressPattern?: string;
  /** A line that `progressPattern` matches, as the engine prints it. Comes together with the pattern. */
  progressExample?: string;
  /** Given up after so long without a new log line, a change of status or of progress. 300,000 ms when absent. */
  progressDeadlineMs?: number;
  /**
   * A cheap GET every 5 s once ready, which a busy engine answers too. After a failure it is asked again within a second
   * or so; three failures in a row mean a restart. Absent: the ready path if polled, else the process alone.
   */
  live?: { path: string };
  /** A tiny real inference, sent when the cheap check fails, no request is under way and the engine is not frozen. */
  deep?: { path: string; body: unknown };
}

export interface StopContract {
  /** Signals in turn; each has `graceMs` to work before the next. SIGKILL to the whole group always comes last. */
  signals: readonly { signal: 'SIGTERM' | 'SIGINT'; graceMs: number }[];
  /**
   * The engine does not end while clients are connected: the queen closes what is still open after draining before the
   * first signal is sent.
   */
  closesOnlyWhenIdle?: boolean;
  /**
   * The request by which the engine gives back the memory of its device and stays running. Sent when a person asks for it,
   * once no request is under way; the worker sleeps when it is answered with 2xx. `option` names an option of the type,
   * true or false, without which a worker cannot sleep. Comes together with `wake`.
   */
  sleep?: { method: 'POST'; path: string; option?: string };
  /**
   * The request by which it takes the memory again. Sent when a person asks for it, and before the first request that only
   * a sleeping worker can answer; the worker is ready when it is answered with 2xx.
   */
  wake?: { method: 'POST'; path: string };
}

/** What the hive has read from a model without the engine. Sizes in bytes. */
export interface ModelFacts {
  reference: string;
  format: ModelFormat;
  bytes: number;
  /** Metadata of a GGUF header, flat keys; empty for other formats. */
  metadata: Readonly<Record<string, string | number | boolean>>;
}

/** One file of a model repository. */
export interface RepositoryFile {
  /** Relative to the repository's root, with `/`. */
  path: string;
  bytes: number;
}

export interface MemoryEstimate {
  /** Bytes of main memory. */
  ram: number;
  /** Bytes of device memory, over all devices of the placement. */
  vram: number;
}

/** A program to run once, as for a probe. */
export interface ForecastQuestion {
  /** A program of the host, or `$binary` for the resolved program of the worker. */
  program: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Milliseconds before it is given up; 8,000 when absent. */
  timeoutMs?: number;
}

/** Bytes that a worker will take, by device. */
export interface MemoryForecast {
  /** Of main memory. `mapped` are those of model files, which the system can drop and read again. */
  ram: { mapped: number; private: number };
  /** Of each device, by its id (`cuda:0`). */
  devices: Readonly<Record<string, number>>;
}

/** Names in the Prometheus text of `path`, read every few seconds and shown beside the worker. */
export interface LoadContract {
  path: string;
  running: string;
  waiting?: string;
  /** 0 to 1. */
  kvCacheUse?: string;
}

/** One row of `failures`. It fits when everything that it names is so; at least `pattern` or `exit` must be named. */
export interface FailureRule {
  /**
   * A line of the log must match this; the last one that does counts. A string is the source of a regular expression.
   * Lines are read without colours, the first 2,000 characters of each, the last 200 lines.
   */
  pattern?: RegExp | string;
  /**
   * How the process must have ended: an exit code, a signal (`SIGKILL`, which is also exit code 137), or `nonzero`, which
   * is every end but exit code 0. Of a list, one is enough. Absent: in any way, or it still runs and was given up.
   */
  exit?: FailureExit | readonly FailureExit[];
  /** `true`: only for a worker that was ready before. `false`: only for one that never became ready. */
  ready?: boolean;
  cause: FailureCause;
  /**
   * One sentence: what happened. Here and in `hint`, `{1}` and `{name}` are what the groups of `pattern` matched, and
   * `{exit}` is how the process ended.
   */
  message: string;
  /** One sentence: what to try. */
  hint: string;
}

export type FailureExit = number | 'nonzero' | `SIG${string}`;

export interface Failure {
  /** The last lines of the worker's log, oldest first (at most 200). */
  log: readonly string[];
  /** How the process ended; null when it was given up while still running, or when no hive saw how it ended. */
  exit: { code: number | null; signal: string | null } | null;
  /** Did it ever become ready? An exit code of 0 before that is a failure too. */
  wasReady: boolean;
  binary: { id: string };
}

/**
 * `out_of_memory`: of the device, as the engine says, or of the machine, as the kernel says. `killed`: by a signal from
 * outside, with no word of the engine about it; such an end is not counted against the worker.
 */
export type FailureCause =
  | 'out_of_memory'
  | 'bad_model'
  | 'missing_model'
  | 'unsupported_model'
  | 'port_in_use'
  | 'no_device'
  | 'driver'
  | 'bad_option'
  | 'missing_library'
  | 'no_progress'
  | 'killed'
  | 'crashed'
  | 'unknown';

export interface Diagnosis {
  cause: FailureCause;
  /** One sentence: what happened. */
  message: string;
  /** One sentence: what to try. */
  hint: string;
}

export interface Probe {
  id: string;
  /** Ask only before a spawn of one of these variants. Absent: always. */
  variants?: readonly string[];
  /** A program of the host, or `$binary` for the resolved program of the worker (only for `path`, `archive` and `npm` sources). */
  program: string;
  args: readonly string[];
  /** Milliseconds before it is given up; 8,000 when absent. */
  timeoutMs?: number;
  /** Reads the program's output. Called with whatever it printed, also after a non-zero exit. */
  parse(output: ProgramOutput): unknown;
}

/** Where a hive asks for the devices of one kind. */
export interface DeviceProbe {
  /** What users write before the colon: `npu` in `npu:0`. Not one of rbee's own: cpu, cuda, rocm, vulkan, metal. */
  kind: string;
  /** Names on the hive's PATH, or absolute paths, to try in turn. None of them there means that there is no device. */
  programs: readonly string[];
  args: readonly string[];
  /** Operating systems on which to ask. Absent: all. */
  os?: readonly Platform['os'][];
  /** Milliseconds before it is given up; 8,000 when absent. */
  timeoutMs?: number;
  /** Reads the program's output, also after a non-zero exit. Pure. Every device is of this kind: `npu:0`, `npu:1`. */
  parse(output: ProgramOutput): readonly DeviceFacts[];
}

/** What a program printed, and its exit code; null when it was ended by a signal. */
export interface ProgramOutput {
  stdout: string;
  stderr: string;
  code: number | null;
}

/**
 * A step after installation, as data; the steps are taken in order, once for each program and version of the plugin,
 * before the first spawn. `venv` makes a Python environment (a `python` source has one already). `requirement` installs
 * into it what pip takes (a relative path is one in the plugin), several in one go where they have to fit each other;
 * `requirements` installs what a file lists, which lies beside the program. `indexes` are package indexes to search beside
 * the usual one. `run` runs a program to its end: `python` is that of the environment, `$binary` the resolved program, any
 * other is looked for in the environment and on the hive's PATH.
 */
export type PrepareStep =
  | { kind: 'venv'; python?: string }
  | { kind: 'requirement'; requirement: string | readonly string[]; indexes?: readonly string[] }
  | { kind: 'requirements'; file: string; indexes?: readonly string[] }
  | { kind: 'run'; args: readonly string[] };

/** A placement: the devices that a worker gets. Users write `cpu`, `cuda:0`, `cuda:0,1`, `vulkan:0`. */
export interface Device {
  /** `cpu`, `cuda`, `rocm`, `vulkan`, `metal`, or a kind that a plugin brings. */
  kind: string;
  /** Indices as the vendor's tool numbers them; empty for `cpu`. */
  indices: readonly number[];
}
