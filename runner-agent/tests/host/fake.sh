#!/bin/bash
# An app-server for faults that the true one does not show on demand. A call's method says what it
# does; its params come back as its result.
case "$1" in
    --version) echo "codex-cli 9.9.9"; exit ;;
esac
[ "$2" = generate-json-schema ] && exit 1

say() { printf '%s\n' "$1"; }
notify() { say "{\"method\":\"$1\",\"params\":$2}"; }

while IFS= read -r line; do
    [[ $line =~ \"id\":([0-9]+) ]] && id=${BASH_REMATCH[1]} || id=
    [[ $line =~ \"method\":\"([^\"]*)\" ]] && method=${BASH_REMATCH[1]} || method=
    [[ $line =~ \"params\":(.*)\}$ ]] && params=${BASH_REMATCH[1]} || params=null
    result=$params
    case "$method" in
        initialized) continue ;;
        note) notify noted "$params"; continue ;;
        count) echo x >> counted; result=$(wc -l < counted) ;;
        garbage)
            printf 'this is no JSON\n\n[1,2]\n{"half": \n"text"\n\xff\xfe\n'
            ;;
        hang) continue ;;
        nothing) result=null ;;
        deaf) sleep 1000 ;;
        die) printf '{"method":"half'; kill -9 $$ ;;
        quit) exit 3 ;;
        flood) for ((i = 0; i < 100000; i += 1000)); do
                printf '{"method":"drop","params":{"n":%d}}\n' $(seq $i $((i + 999)))
            done ;;
        large) result="\"$(head -c 1500000 /dev/zero | tr '\0' x)\"" ;;
        huge)
            text=$(head -c 1500000 /dev/zero | tr '\0' x)
            notify huge "{\"threadId\":\"T\",\"text\":\"$text\"}"
            ;;
        turn) notify turn/started '{"threadId":"T","turn":{"id":"U"}}' ;;
        ask) say '{"id":0,"method":"item/fileChange/requestApproval","params":{"threadId":"T"}}' ;;
        odd) say '{"id":7,"method":"item/moon/requestPhase","params":{"threadId":"T"}}' ;;
        "") notify heard "$line"; continue ;;
    esac
    [ -n "$id" ] && say "{\"id\":$id,\"result\":$result}"
done
