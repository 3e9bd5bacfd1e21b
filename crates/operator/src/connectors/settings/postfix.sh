#!/bin/sh
# Raccordement @NAME_COMMENT@ : réglages de Postfix, écrits par l'opérateur. À lancer en root, autant de fois qu'il le faut.
# Connector @NAME_COMMENT@: settings of Postfix, written by the operator. To be run as root, as often as needed.
#
#   sh @SCRIPT@ CERTIFICATE KEY
#
# SCEAU_CONFIG   dossier de configuration de Postfix · Postfix's configuration folder   (postconf -dh config_directory)
# SCEAU_ADDRESS  adresse de l'opérateur, si ce n'est pas son nom · the operator's address, when it is not its name
# SCEAU_LISTEN   port, ou adresse:port, où l'opérateur remet le courrier · where the operator delivers mail
set -eu

name=@NAME@
host=@HOST@
port=@PORT@
domains=@DOMAINS@
postmaster=@POSTMASTER@
listen=${SCEAU_LISTEN:-@LISTEN@}

if [ $# -ne 2 ]; then
    echo "usage: sh $0 CERTIFICATE KEY" >&2
    exit 64
fi
for file in "$1" "$2"; do
    case $file in
    /*) ;;
    *) echo "$file : donnez un chemin absolu · give an absolute path" >&2 && exit 64 ;;
    esac
    case $file in
    *[!A-Za-z0-9._/+-]*) echo "$file : chemin trop étrange pour main.cf · path too odd for main.cf" >&2 && exit 64 ;;
    esac
    [ -r "$file" ] || { echo "$file : illisible · cannot be read" >&2 && exit 66; }
done
certificate=$1
key=$2
config=${SCEAU_CONFIG:-$(postconf -dh config_directory)}
address=${SCEAU_ADDRESS:-$host}
case $address in
*[!A-Za-z0-9.:-]*) echo "SCEAU_ADDRESS=$address ?" >&2 && exit 64 ;;
esac
case $listen in
*[!A-Za-z0-9.:-]*) echo "SCEAU_LISTEN=$listen ?" >&2 && exit 64 ;;
esac
folder=$config/sceau-$name
service=sceau-$name

pc() {
    postconf -c "$config" "$@"
}

# Deux serveurs ne peuvent pas écouter au même endroit. · Two servers cannot listen at one place.
if [ -n "$listen" ]; then
    case $listen in
    25 | smtp)
        if pc -M smtp/inet 2>/dev/null | grep -q . && ! pc -P smtp/inet/syslog_name 2>/dev/null | grep -q "postfix/$service"; then
            echo "Le port 25 sert déjà. Relancez avec SCEAU_LISTEN=adresse:25, ou un autre port, et dites-le à l'opérateur." >&2
            echo "Port 25 is in use. Run again with SCEAU_LISTEN=address:25, or another port, and tell the operator." >&2
            exit 73
        fi
        ;;
    esac
fi

umask 022
mkdir -p "$folder"
cat >"$folder/operator-ca.pem" <<'SCEAU_END'
@CA@
SCEAU_END

# Ce que nos adresses envoient ne part que par l'opérateur. · What our addresses send leaves by the operator only.
: >"$folder/senders"
# Le courrier de nos domaines reste où il est ; le reste de l'espace de confiance passe par l'opérateur.
# Mail of our domains stays where it is; the rest of the trust space goes by the operator.
: >"$folder/transport"
# D'où viennent les messages de nos domaines : de l'opérateur et de notre réseau, jamais d'Internet.
# Where mail of our domains comes from: the operator and our own network, never the Internet.
: >"$folder/closed"
: >"$folder/inbound"
for domain in $domains; do
    echo "@$domain $service:[$address]:$port" >>"$folder/senders"
    echo "$domain :" >>"$folder/transport"
    echo "$domain REJECT 5.7.1 MSSante" >>"$folder/closed"
    echo "$domain OK" >>"$folder/inbound"
done
echo ".mssante.fr $service:[$address]:$port" >>"$folder/transport"
# Un avis de non-remise est signé par le domaine raccordé. · A report of failure is signed by the connected domain.
echo "/^From:.*MAILER-DAEMON@/ REPLACE From: Mail Delivery System <$postmaster>" >"$folder/reports"

# Ajoute une table à un paramètre, une fois. · Adds a table to a parameter, once.
add() {
    present=$(pc -h "$1")
    case ", $present," in
    *"$2"*) return ;;
    esac
    if [ -z "$present" ]; then
        pc -e "$1=$2"
    elif [ "$3" = first ]; then
        pc -e "$1=$2, $present"
    else
        pc -e "$1=$present, $2"
    fi
}
add sender_dependent_default_transport_maps "texthash:$folder/senders" first
add transport_maps "texthash:$folder/transport" last
if [ -z "$(pc -h smtpd_relay_restrictions)" ]; then
    pc -e "smtpd_relay_restrictions=permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
fi
add smtpd_relay_restrictions "check_recipient_access texthash:$folder/closed" last

# Vers l'opérateur. · To the operator.
pc -M "$service/unix=$service unix - - n - - smtp"
pc -P "$service/unix/syslog_name=postfix/$service"
pc -P "$service/unix/smtp_tls_security_level=secure"
pc -P "$service/unix/smtp_tls_secure_cert_match=$host"
pc -P "$service/unix/smtp_tls_policy_maps="
pc -P "$service/unix/smtp_tls_CAfile=$folder/operator-ca.pem"
pc -P "$service/unix/smtp_tls_CApath="
pc -P "$service/unix/smtp_tls_chain_files="
pc -P "$service/unix/smtp_tls_cert_file=$certificate"
pc -P "$service/unix/smtp_tls_key_file=$key"
pc -P "$service/unix/smtp_tls_mandatory_protocols=!SSLv2,!SSLv3,!TLSv1,!TLSv1.1"
pc -P "$service/unix/smtp_tls_mandatory_ciphers=high"
pc -P "$service/unix/smtp_tls_loglevel=1"
pc -P "$service/unix/smtp_header_checks=regexp:$folder/reports"
pc -P "$service/unix/smtp_sasl_auth_enable=no"

# De l'opérateur. · From the operator.
if [ -n "$listen" ]; then
    pc -M "$listen/inet=$listen inet n - n - - smtpd"
    pc -P "$listen/inet/syslog_name=postfix/$service"
    pc -P "$listen/inet/smtpd_tls_security_level=encrypt"
    pc -P "$listen/inet/smtpd_tls_ask_ccert=yes"
    pc -P "$listen/inet/smtpd_tls_req_ccert=yes"
    pc -P "$listen/inet/smtpd_tls_CAfile=$folder/operator-ca.pem"
    pc -P "$listen/inet/smtpd_tls_CApath="
    pc -P "$listen/inet/smtpd_tls_chain_files="
    pc -P "$listen/inet/smtpd_tls_cert_file=$certificate"
    pc -P "$listen/inet/smtpd_tls_key_file=$key"
    pc -P "$listen/inet/smtpd_tls_mandatory_protocols=!SSLv2,!SSLv3,!TLSv1,!TLSv1.1"
    pc -P "$listen/inet/smtpd_tls_mandatory_ciphers=high"
    pc -P "$listen/inet/smtpd_tls_received_header=yes"
    pc -P "$listen/inet/smtpd_sasl_auth_enable=no"
    pc -P "$listen/inet/mynetworks="
    pc -P "$listen/inet/smtpd_client_restrictions=permit_tls_all_clientcerts,reject"
    pc -P "$listen/inet/smtpd_helo_restrictions="
    pc -P "$listen/inet/smtpd_sender_restrictions="
    pc -P "$listen/inet/smtpd_relay_restrictions=reject_unauth_destination"
    pc -P "$listen/inet/smtpd_recipient_restrictions=check_recipient_access,texthash:$folder/inbound,reject"
fi

# Personne d'autre ne lit la clé. · Nobody else reads the key.
chmod go-rwx "$key" 2>/dev/null || true
if ! postfix -c "$config" check; then
    echo "Postfix refuse ses réglages : voyez son journal. · Postfix refuses its settings: see its log." >&2
    exit 70
fi
echo "Postfix est réglé. Rechargez-le : postfix reload. · Postfix is set. Reload it: postfix reload."
