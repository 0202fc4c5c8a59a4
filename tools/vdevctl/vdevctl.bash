# SPDX-License-Identifier: BSD-3-Clause
# Completion of vdevctl for bash.
# shellcheck shell=bash
_vdevctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'compare cpumap inventory plan sim topology --help --version' -- "$current")
    return
  fi
  case $previous in
  -p | --pid)
    # Processes that look like VMMs.
    mapfile -t COMPREPLY < <(compgen -W "$(pgrep 'qemu|kvm|cloud-hyper|firecracker|crosvm|lkvm|minivmm' |
      tr '\n' ' ')" -- "$current")
    return
    ;;
  --debugfs | --proc | --sysfs | --from-sysfs | --capture)
    mapfile -t COMPREPLY < <(compgen -d -- "$current")
    return
    ;;
  --recording | --csv | --plot | --from-dump | --from-json | --reader | --rules | --vm | --show | --verify)
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
    ;;
  --source | --dest)
    mapfile -t COMPREPLY < <(compgen -W live -f -- "$current")
    return
    ;;
  --device | -i | --interval | -n | --count | --cpus | --vcpus | -s | --seconds | --seed | --runs | -y | --hysteresis) return ;;
  esac
  case ${COMP_WORDS[1]} in
  compare)
    mapfile -t COMPREPLY < <(compgen -W '--device --rules --vfio --json --reader --help' -- "$current")
    [[ $current = -* ]] || mapfile -t COMPREPLY < <(compgen -W live -f -- "$current")
    ;;
  cpumap)
    mapfile -t COMPREPLY < <(compgen -W \
      '--pid --watch --interval --count --json --debugfs --proc --sysfs --help' -- "$current")
    ;;
  inventory)
    mapfile -t COMPREPLY < <(compgen -W \
      '--from-dump --from-sysfs --from-json --capture --vfio --json --reader --help' -- "$current")
    ;;
  plan)
    mapfile -t COMPREPLY < <(compgen -W \
      '--vm --source --dest --rules --show --verify --claimed --vfio --json --reader --help' -- "$current")
    [[ $current = -* ]] || mapfile -t COMPREPLY < <(compgen -W live -f -- "$current")
    ;;
  sim)
    mapfile -t COMPREPLY < <(compgen -W \
      'irqhint --cpus --vcpus --seconds --seed --runs --hysteresis --recording --csv --plot --json --help' -- "$current")
    ;;
  topology) mapfile -t COMPREPLY < <(compgen -W '--json --sysfs --help' -- "$current") ;;
  esac
}
complete -F _vdevctl vdevctl
