#!/bin/sh
# Asks the drill's application server, through Azure's control plane, until PetClinic runs on restored data.
# Arguments: stack. Uses: pulumi, az. Prints Markdown; fails after 45 minutes, or at once when the restore failed.
set -eu

stack=$1
group=$(pulumi stack output resource_group --stack "$stack")
server=$(az vm list --resource-group "$group" --query "[?starts_with(name, 'vm-petclinic-app')].name" --output tsv)
started=$(date +%s)
# Run inside the server: "failed" is what no repetition cures, anything else may still become "active".
question='systemctl is-failed --quiet pilotlight-restore.service && echo state=failed && exit 0
systemctl is-active --quiet petclinic.service && curl --fail --silent --output /dev/null http://127.0.0.1:8080/actuator/health && echo state=serving'

while :; do
    answer=$(az vm run-command invoke --resource-group "$group" --name "$server" \
        --command-id RunShellScript --scripts "$question" --query 'value[0].message' --output tsv) || answer=''
    took=$(($(date +%s) - started))
    case $answer in
        *state=serving*)
            printf '### Drill\n\nPetClinic served restored data %s s after the servers stood.\n' "$took"
            exit 0
            ;;
        *state=failed*)
            printf '### Drill\n\nThe restore failed after %s s: pilotlight-restore.service on %s.\n' "$took" "$server"
            exit 1
            ;;
    esac
    if [ "$took" -gt 2700 ]; then
        printf '### Drill\n\nPetClinic did not serve within %s s. The end of its log:\n\n```\n' "$took"
        az vm run-command invoke --resource-group "$group" --name "$server" --command-id RunShellScript \
            --scripts 'tail -n 20 /var/log/mysql-backup-to-azure.log' --query 'value[0].message' --output tsv
        printf '```\n'
        exit 1
    fi
    sleep 20
done
