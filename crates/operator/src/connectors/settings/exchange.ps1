<#
    Raccordement @NAME_COMMENT@ : réglages d'Exchange (2016 et suivants), écrits par l'opérateur. Peut être relancé.
    Connector @NAME_COMMENT@: settings of Exchange (2016 and later), written by the operator. Can be run again.

        .\@SCRIPT@ -Thumbprint 0123… [-OperatorAddresses 192.0.2.10] [-Server EXCH01]

    Thumbprint          empreinte du certificat du raccordement, déjà importé · thumbprint of the connector's certificate, imported before
    OperatorAddresses   adresses d'où l'opérateur se connecte · addresses from which the operator connects
    KeepPostmaster      ne touche pas à l'adresse qui signe les avis de non-remise · leaves alone the address that signs reports of failure
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)][ValidatePattern('^[0-9A-Fa-f]{40}$')][string]$Thumbprint,
    [string[]]$OperatorAddresses = @(@ADDRESSES@),
    [string]$Server = $env:COMPUTERNAME,
    [switch]$KeepPostmaster
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$name = @NAME@
$operatorHost = @HOST@
$operatorPort = @PORT@
$domains = @(@DOMAINS@)
$postmaster = @POSTMASTER@
$listenPort = @LISTEN@
$authority = @CA@

if (-not (Get-Command Get-ExchangeServer -ErrorAction SilentlyContinue)) {
    Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn
}

# 1. L'autorité de l'opérateur, et elle seule. · The operator's authority, and no other.
$file = [IO.Path]::GetTempFileName()
try {
    [IO.File]::WriteAllText($file, $authority)
    Import-Certificate -FilePath $file -CertStoreLocation Cert:\LocalMachine\Root | Out-Null
} finally {
    Remove-Item -LiteralPath $file -Force
}

# 2. Notre certificat. · Our certificate.
$certificate = Get-ExchangeCertificate -Server $Server -Thumbprint $Thumbprint
if (-not $certificate.HasPrivateKey) { throw "$Thumbprint : clé privée absente · no private key" }
Enable-ExchangeCertificate -Server $Server -Thumbprint $Thumbprint -Services SMTP -DoNotRequireSsl -Force
$tlsName = '<I>' + $certificate.Issuer + '<S>' + $certificate.Subject

# 3. Nos domaines. · Our domains.
foreach ($domain in $domains) {
    if (-not (Get-AcceptedDomain | Where-Object { $_.DomainName -eq $domain })) {
        New-AcceptedDomain -Name $domain -DomainName $domain -DomainType Authoritative | Out-Null
    }
}

# 4. Vers l'opérateur : TLS exigé, son nom vérifié, notre certificat montré. · To the operator: TLS required, its name verified, ours shown.
$send = @{
    AddressSpaces          = @('SMTP:*.mssante.fr;1')
    SmartHosts             = @($operatorHost)
    Port                   = $operatorPort
    DNSRoutingEnabled      = $false
    SmartHostAuthMechanism = 'None'
    RequireTLS             = $true
    IgnoreSTARTTLS         = $false
    TlsAuthLevel           = 'DomainValidation'
    TlsDomain              = $operatorHost
    TlsCertificateName     = $tlsName
    SourceTransportServers = @($Server)
    ProtocolLoggingLevel   = 'Verbose'
}
$sendName = "Sceau $name"
if (Get-SendConnector | Where-Object { $_.Name -eq $sendName }) {
    Set-SendConnector -Identity $sendName @send
} else {
    New-SendConnector -Name $sendName -Custom @send | Out-Null
}

# 5. Ce que nos adresses envoient ne quitte pas l'espace de confiance. · What our addresses send does not leave the trust space.
$rule = @{
    FromAddressMatchesPatterns                = @($domains | ForEach-Object { '@' + [regex]::Escape($_) + '$' })
    ExceptIfRecipientAddressMatchesPatterns   = @('\.mssante\.fr$')
    RejectMessageReasonText                   = 'MSSante'
    RejectMessageEnhancedStatusCode           = '5.7.1'
}
$ruleName = "Sceau $name"
if (Get-TransportRule | Where-Object { $_.Name -eq $ruleName }) {
    Set-TransportRule -Identity $ruleName @rule
} else {
    New-TransportRule -Name $ruleName @rule | Out-Null
}

# 6. De l'opérateur : ses adresses seules, TLS exigé. · From the operator: its addresses only, TLS required.
if ($listenPort -ne 0) {
    if ($OperatorAddresses.Count -eq 0) { throw 'OperatorAddresses : demandez-les à l''opérateur · ask the operator for them' }
    $receive = @{
        Bindings             = @("0.0.0.0:$listenPort", "[::]:$listenPort")
        RemoteIPRanges       = $OperatorAddresses
        AuthMechanism        = 'Tls'
        PermissionGroups     = 'AnonymousUsers'
        RequireTLS           = $true
        TlsCertificateName   = $tlsName
        ProtocolLoggingLevel = 'Verbose'
    }
    $receiveName = "Sceau $name"
    $identity = "$Server\$receiveName"
    if (Get-ReceiveConnector -Server $Server | Where-Object { $_.Name -eq $receiveName }) {
        Set-ReceiveConnector -Identity $identity @receive
    } else {
        New-ReceiveConnector -Name $receiveName -Server $Server -TransportRole FrontendTransport -Custom @receive | Out-Null
    }
}

# 7. Les avis de non-remise sont signés par le domaine raccordé. · Reports of failure are signed by the connected domain.
if (-not $KeepPostmaster) {
    Set-TransportConfig -ExternalPostmasterAddress $postmaster
}
Write-Output 'Exchange est réglé. Redémarrez MSExchangeTransport et MSExchangeFrontEndTransport. · Exchange is set. Restart both services.'
