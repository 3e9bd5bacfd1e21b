<#
    Raccordement @NAME_COMMENT@ : réglages d'Exchange (2016 et suivants), écrits par l'opérateur. Peut être relancé.
    Connector @NAME_COMMENT@: settings of Exchange (2016 and later), written by the operator. Can be run again.

        .\@SCRIPT@ -Thumbprint 0123… [-OperatorAddresses 192.0.2.10] [-OtherDomains exemple.org] [-Server EXCH01]

    Sur chaque serveur qui échange avec l'opérateur. · On each server that exchanges mail with the operator.

    Thumbprint          empreinte du certificat du raccordement, déjà importé · thumbprint of the connector's certificate, imported before
    OperatorAddresses   adresses d'où l'opérateur se connecte · addresses from which the operator connects
    OtherDomains        domaines de l'espace de confiance hors de mssante.fr qui passent aussi par l'opérateur
                        domains of the trust space outside mssante.fr that go by the operator too
    SetPostmaster       les avis de non-remise de toute l'organisation sont signés par le domaine raccordé
                        reports of failure of the whole organisation are signed by the connected domain
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)][ValidatePattern('^[0-9A-Fa-f]{40}$')][string]$Thumbprint,
    [string[]]$OperatorAddresses = @(@ADDRESSES@),
    [ValidatePattern('^[A-Za-z0-9][A-Za-z0-9.-]*$')][string[]]$OtherDomains = @(),
    [string]$Server = $env:COMPUTERNAME,
    [switch]$SetPostmaster
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
$list = @CRL@

if (-not (Get-Command Get-ExchangeServer -ErrorAction SilentlyContinue)) {
    Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn
}

# 1. L'autorité de l'opérateur, et elle seule : elle ne peut rien signer que sous son propre nom.
#    The operator's authority, and no other: it can sign nothing but under its own name.
$bytes = [Text.Encoding]::ASCII.GetBytes($authority)
$root = New-Object Security.Cryptography.X509Certificates.X509Certificate2 (,$bytes)
if ($PSCmdlet.ShouldProcess($root.Subject, 'Cert:\LocalMachine\Root')) {
    $store = New-Object Security.Cryptography.X509Certificates.X509Store 'Root', 'LocalMachine'
    $store.Open('ReadWrite')
    try { $store.Add($root) } finally { $store.Close() }
}

#    Sa liste de révocation, vide : Windows se méfie d'un certificat dont aucune liste ne parle.
#    Its revocation list, which is empty: Windows distrusts a certificate of which no list speaks.
if ($PSCmdlet.ShouldProcess($root.Subject, 'certutil -addstore CA')) {
    $file = [IO.Path]::GetTempFileName()
    try {
        [IO.File]::WriteAllBytes($file, [Convert]::FromBase64String($list))
        & certutil.exe -f -addstore CA $file | Out-Null
        if ($LASTEXITCODE -ne 0) { throw "certutil: $LASTEXITCODE" }
    } finally {
        Remove-Item -LiteralPath $file -Force
    }
}

# 2. Notre certificat. Celui d'Exchange reste celui des serveurs entre eux.
#    Our certificate. Exchange's own stays the one between its servers.
$certificate = Get-ExchangeCertificate -Server $Server -Thumbprint $Thumbprint
if (-not $certificate.HasPrivateKey) { throw "$Thumbprint : clé privée absente · no private key" }
if ("$($certificate.Services)" -notmatch 'SMTP') {
    Write-Warning 'Remplacer le certificat SMTP par défaut ? Répondez NON. · Overwrite the default SMTP certificate? Answer NO.'
    Enable-ExchangeCertificate -Server $Server -Thumbprint $Thumbprint -Services SMTP -DoNotRequireSsl
}
$tlsName = '<I>' + $certificate.Issuer + '<S>' + $certificate.Subject

# 3. Nos domaines. · Our domains.
foreach ($domain in $domains) {
    if (-not (Get-AcceptedDomain | Where-Object { "$($_.DomainName)" -eq $domain })) {
        New-AcceptedDomain -Name $domain -DomainName $domain -DomainType Authoritative | Out-Null
    }
}

# 4. Vers l'opérateur : TLS exigé, son nom vérifié, notre certificat montré. · To the operator: TLS required, its name verified, ours shown.
$send = @{
    AddressSpaces          = @('SMTP:*.mssante.fr;1') + @($OtherDomains | ForEach-Object { "SMTP:$_;1" })
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
$present = Get-SendConnector | Where-Object { $_.Name -eq $sendName }
if ($present) {
    # Les serveurs déjà réglés le restent. · Servers that were set before stay.
    $others = @($present.SourceTransportServers | ForEach-Object { "$_" } | Where-Object { $_ -ne $Server })
    $send.SourceTransportServers = @($Server) + $others
    Set-SendConnector -Identity $sendName @send
} else {
    New-SendConnector -Name $sendName -Custom @send | Out-Null
}

#    Sans winmail.dat, que personne d'autre ne lit. · Without winmail.dat, which nobody else reads.
if (-not (Get-RemoteDomain | Where-Object { "$($_.DomainName)" -eq '*.mssante.fr' })) {
    New-RemoteDomain -Name $sendName -DomainName '*.mssante.fr' | Out-Null
}
Get-RemoteDomain | Where-Object { "$($_.DomainName)" -eq '*.mssante.fr' } | Set-RemoteDomain -TNEFEnabled $false

# 5. Ce que nos adresses envoient ne quitte pas l'espace de confiance. · What our addresses send does not leave the trust space.
$outside = @($OtherDomains | ForEach-Object { [regex]::Escape($_) + '$' } | ForEach-Object { ('@' + $_), ('\.' + $_) })
$rule = @{
    FromAddressMatchesPatterns                = @($domains | ForEach-Object { '@' + [regex]::Escape($_) + '$' })
    SenderAddressLocation                     = 'HeaderOrEnvelope'
    ExceptIfRecipientAddressMatchesPatterns   = @('\.mssante\.fr$') + $outside
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

# 7. Les avis de non-remise sont signés par le domaine raccordé. C'est un réglage de toute l'organisation : d'office, si elle n'a pas d'autre domaine.
#    Reports of failure are signed by the connected domain. This is a setting of the whole organisation: unasked when it has no other domain.
$own = @(Get-AcceptedDomain | Where-Object { $domains -notcontains "$($_.DomainName)" })
if ($SetPostmaster -or $own.Count -eq 0) {
    Set-TransportConfig -ExternalPostmasterAddress $postmaster
} elseif ("$((Get-TransportConfig).ExternalPostmasterAddress)" -ne $postmaster) {
    Write-Warning "Les avis de non-remise ne sont pas signés $postmaster : l'opérateur les refusera. Voyez LISEZMOI.md."
    Write-Warning "Reports of failure are not signed ${postmaster}: the operator will refuse them. See README.md."
}
Write-Output 'Exchange est réglé. Redémarrez MSExchangeTransport et MSExchangeFrontEndTransport. · Exchange is set. Restart both services.'
