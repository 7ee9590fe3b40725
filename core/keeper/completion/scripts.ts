/** Completion scripts for shells. Each calls `rbee __complete` with the words so far. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** Devices and models have colons in their names, and bash splits words at colons. */
const bash = `# rbee completion for bash; load it with: source <(rbee completion bash)
_rbee_complete() {
  local cur prev words cword line
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n '=:' cur prev words cword
  else
    words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur="\${COMP_WORDS[COMP_CWORD]}"
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(rbee __complete -- "\${words[@]:1:cword}" 2>/dev/null)
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -o default -F _rbee_complete rbee
`;

const zsh = `#compdef rbee
# rbee completion for zsh; load it with: source <(rbee completion zsh)
_rbee() {
  local line
  local -a candidates
  while IFS= read -r line; do
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <(rbee __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#candidates )); then
    _describe 'rbee' candidates
  else
    _files
  fi
}
compdef _rbee rbee
`;

const fish = `# rbee completion for fish; save it with: rbee completion fish > ~/.config/fish/completions/rbee.fish
function __rbee_complete
    set -l before (commandline -opc)
    rbee __complete -- $before[2..] (commandline -ct) 2>/dev/null
end
complete -c rbee -a '(__rbee_complete)'
`;

export const completionScripts: Record<Shell, string> = { bash, zsh, fish };
